-- wrk ... url -- [method content-type body]: what is asked, and one line of exact figures at the end.
function init(args)
  if args[1] then
    wrk.method, wrk.body = args[1], args[3]
    wrk.headers["Content-Type"] = args[2]
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("figures %d %d %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect, e.read, e.write, e.status, e.timeout))
end
