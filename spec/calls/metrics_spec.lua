-- /metrics in the text format of Prometheus, by the rules that promtool has (spec/long/metrics asks it).
local moonline = require "moonline"
local party = require "support.party"
local stage = require "support.stage"

local function fetch(s)
  local response = moonline.http.get("http://" .. s.server.http_address .. "/metrics")
  assert.equal(200, response.status)
  assert.equal("text/plain; version=0.0.4; charset=utf-8", response.headers["content-type"])
  return response.body
end

-- name -> { kind, help, samples = { labels -> value } }, in the order that the format asks for.
local function read(text)
  assert.equal("\n", text:sub(-1))
  local metrics, now = {}, nil
  for line in text:gmatch "([^\n]*)\n" do
    local name, help = line:match "^# HELP ([%l_]+) (%u.+%.)$"
    local typed, kind = line:match "^# TYPE ([%l_]+) (%l+)$"
    if name then
      assert.is_nil(metrics[name], name .. " comes twice")
      now = { name = name, help = help, samples = {}, count = 0 }
      metrics[name] = now
    elseif typed then
      assert.equal(now.name, typed)
      assert.is_nil(now.kind)
      now.kind = kind
    else
      local sample, labels, value = line:match "^([%l_]+)(%b{}) (%S+)$"
      if not sample then
        sample, value = line:match "^([%l_]+) (%S+)$"
        labels = ""
      end
      assert.equal(now.name, sample, line)
      assert.is_string(now.kind)
      assert.is_number(tonumber(value), line)
      assert.is_nil(now.samples[labels], line .. " comes twice")
      assert.truthy(labels == "" or labels:find '^{[%l_]+="[^"\\\n]*"[,%l_="%-%d.]*}$', line)
      now.samples[labels] = tonumber(value)
    end
  end
  return metrics
end

describe("/metrics", function()
  it("keeps to the format and the names of Prometheus, and has no sid in it", function()
    local s <close> = stage.open()
    local kate = s:phone("kate", party.takes { talk = 3 })
    s.web["/voice"] = stage.twiml("<Dial><Sip>" .. kate.address .. "</Sip></Dial><Frobnicate/>")
    local leg = s:call()
    leg:wait({}, 1)
    local during = read(fetch(s))
    assert.equal(2, during.moonline_calls.samples[""])
    s:quiet()
    local text = fetch(s)
    local metrics = read(text)
    for name, metric in pairs(metrics) do
      assert.truthy(name:find "^moonline_" or name:find "^process_", name)
      assert.equal(metric.kind == "counter", name:find "_total$" ~= nil, name)
      assert.is_true(metric.kind == "counter" or metric.kind == "gauge", name)
      for _, unit in ipairs { "_ms", "_milliseconds", "_minutes", "_kb", "_mb", "_percent" } do
        assert.is_nil(name:find(unit, 1, true), name .. " is not in a base unit")
      end
    end
    assert.is_nil(text:find "%u%u%x%x%x%x%x%x%x%x%x%x%x%x")
    assert.equal(0, metrics.moonline_calls.samples[""])
    local ended = metrics.moonline_calls_total.samples
    assert.equal(1, ended['{direction="inbound",status="completed"}'])
    assert.equal(1, ended['{direction="outbound-dial",status="completed"}'])
    assert.is_true(metrics.moonline_call_seconds_total.samples[""] >= 6)
    assert.is_true(metrics.moonline_http_requests_total.samples[""] >= 1)
    assert.is_true(next(metrics.moonline_warnings_total.samples) ~= nil)
    assert.equal(1, metrics.moonline_build_info.samples['{version="' .. moonline.version .. '"}'])
  end)

  it("has what a process has, under the names that others use, from the start", function()
    local s <close> = stage.open()
    local metrics = read(fetch(s))
    for _, name in ipairs { "process_cpu_seconds_total", "process_resident_memory_bytes",
      "process_open_fds", "process_max_fds", "process_start_time_seconds",
      "moonline_http_requests_total", "moonline_call_seconds_total", "moonline_uptime_seconds",
      "moonline_draining", "moonline_generation" } do
      assert.is_number(metrics[name].samples[""], name)
    end
    local first = metrics.process_start_time_seconds.samples[""]
    moonline.sleep(5)
    local later = read(fetch(s))
    assert.equal(first, later.process_start_time_seconds.samples[""])
    assert.equal(5, later.moonline_uptime_seconds.samples[""]
      - metrics.moonline_uptime_seconds.samples[""])
    local open = metrics.process_open_fds.samples[""]
    assert.is_true(open > 5 and open < metrics.process_max_fds.samples[""])
  end)

  it("says when no calls are taken; /ready is 503 then", function()
    local s <close> = stage.open()
    local function ready()
      local response = moonline.http.get("http://" .. s.server.http_address .. "/ready")
      return response.status, moonline.json.decode(response.body).ready
    end
    s.web["/voice"] = stage.twiml '<Pause/><Pause length="20"/>'
    local leg = s:call()
    assert.same({ 200, true }, { ready() })
    s.server.box:post { kind = "drain" }
    moonline.sleep(1)
    assert.same({ 503, false }, { ready() })
    assert.equal(1, read(fetch(s)).moonline_draining.samples[""])
    leg:hangup()
  end)
end)
