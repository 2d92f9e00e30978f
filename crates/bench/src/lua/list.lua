-- The newest leads in which there is work.
function request()
    return wrk.format("GET", "/api/v1/leads?status=new,contacted&limit=50", headers)
end
