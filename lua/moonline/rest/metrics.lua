-- /metrics: the text format of Prometheus. Counters are named where they are counted.

local sys = require "moonline.core.sys"

local METRICS = {
  { "moonline_calls", "gauge", "Calls that are live: legs, called and calling." },
  { "moonline_calls_total", "counter", "Calls that have ended, by direction and status." },
  { "moonline_call_seconds_total", "counter", "Seconds that ended calls have talked." },
  { "moonline_http_requests_total", "counter", "Requests to web applications, retries included." },
  { "moonline_warnings_total", "counter", "Numbered warnings and errors of calls, by code." },
  { "moonline_build_info", "gauge", "Always 1; the label is the version." },
  { "moonline_generation", "gauge", "The generation of policy that takes new calls." },
  { "moonline_draining", "gauge", "Whether no new calls are taken: 1, else 0." },
  { "moonline_uptime_seconds", "gauge", "Seconds since the start." },
  { "process_start_time_seconds", "gauge", "When it started, in seconds since 1970." },
  { "moonline_loop_lag_seconds", "gauge", "How long what comes in waits for its turn, about." },
  { "process_cpu_seconds_total", "counter", "CPU time of this process." },
  { "process_resident_memory_bytes", "gauge", "Memory of this process." },
  { "process_open_fds", "gauge", "Open file descriptors." },
  { "process_max_fds", "gauge", "File descriptors that may be open." },
}

-- Those that have no labels are there from the start.
local ZERO = { "moonline_call_seconds_total", "moonline_http_requests_total" }

-- Samples by the name of their metric: lines of the text.
local function samples(env, facts)
  local found = {}
  local function add(name, labels, value)
    found[name] = found[name] or {}
    table.insert(found[name], ("%s%s %s"):format(name, labels, value))
  end
  for _, counter in ipairs(env.counters:list()) do
    local name, labels = counter[1]:match("^([%l_]+)(.*)$")
    add(name, labels, counter[2])
  end
  for _, name in ipairs(ZERO) do
    if not found[name] then add(name, "", 0) end
  end
  add("moonline_calls", "", env.calls:count())
  add("moonline_build_info", ('{version="%s"}'):format(facts.version), 1)
  add("moonline_generation", "", facts.generation)
  add("moonline_draining", "", facts.draining and 1 or 0)
  add("moonline_uptime_seconds", "", facts.uptime)
  local usage = sys.usage()
  add("moonline_loop_lag_seconds", "", ("%.6f"):format(usage.lag))
  add("process_cpu_seconds_total", "", ("%.3f"):format(usage.cpu))
  add("process_resident_memory_bytes", "", usage.memory)
  add("process_start_time_seconds", "", ("%.3f"):format(facts.started))
  add("process_open_fds", "", usage.descriptors)
  add("process_max_fds", "", usage.most_descriptors)
  return found
end

return {
  paths = { "^(/metrics)$" },
  open = true,
  GET = function(env, reply, facts)
    local found, lines = samples(env, facts), {}
    for _, metric in ipairs(METRICS) do
      local name, kind, help = table.unpack(metric)
      lines[#lines + 1] = ("# HELP %s %s\n# TYPE %s %s"):format(name, help, name, kind)
      table.move(found[name] or {}, 1, #(found[name] or {}), #lines + 1, lines)
    end
    reply.request:respond(200, { { "Content-Type", "text/plain; version=0.0.4; charset=utf-8" } },
      table.concat(lines, "\n") .. "\n")
  end,
}
