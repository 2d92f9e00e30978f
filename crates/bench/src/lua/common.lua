-- Around every script: each thread knows its number, and in the end there is one line of figures.
-- Arguments: access token, first number, number of threads, number of people, hot run (0: all runs).
local started = 0

function setup(thread)
    thread:set("thread", started)
    started = started + 1
end

function init(args)
    base, threads, people, hot = tonumber(args[2]), tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
    headers = { ["Authorization"] = "Bearer " .. args[1], ["Content-Type"] = "application/json" }
    n = 0
end

-- A number that no other request has.
function number()
    n = n + 1
    return base + n * threads + thread
end

-- The id of a made-up thing, as `data.rs` has it.
function id(kind, i)
    local first = 0x018000000000 + i
    local high = math.floor(first / 65536)
    return string.format("%08x-%04x-7000-8000-%012x", high, first - high * 65536, kind)
end

function done(summary, latency)
    local e = summary.errors
    print(string.format("figures %d %d %d %d %d %d %d", summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
        latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
