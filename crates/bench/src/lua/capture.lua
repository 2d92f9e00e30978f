-- A lead of somebody new: name, address, number, course, campaign, message, a ticked box, where the click came from.
function request()
    local i = number()
    local body = string.format('{"name":"Lucía Pérez García","email":"lucia-%d@example.es","phone":"+347%08d","course":"curso-%d","campaign":"campana-%d",'
        .. '"message":"Quiero información sobre el curso y las fechas de inicio, gracias.","locale":"es","age_band":"adult","gdpr_consent":true,'
        .. '"privacy_policy_accepted":true,"consents":["email_marketing"],"utm":{"source":"meta","medium":"cpc","campaign":"otono-2026"},"source":"web"}',
        i, i, 1 + i * 7 % 500, 1 + i * 13 % 200)
    return wrk.format("POST", "/api/v1/leads", headers, body)
end
