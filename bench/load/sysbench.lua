-- Any of sysbench's own scripts, with every transaction logged, and at a fixed rate by one schedule for all clients.
--
-- sysbench itself keeps no log of transactions, and with --rate each idle client looks for work 2,000 times a second,
-- which on a small machine is a load of its own. The environment says what to do:
--   BENCH_SCRIPT    one of sysbench's scripts, or `connect`: each transaction logs in, asks once and leaves
--   BENCH_FOLDER    where log.N of client N gets two doubles a transaction: its end (s since the epoch) and its latency
--                   (ms), and errors.N a line for each error that the client noticed
--   BENCH_SCHEDULE  a descriptor to read from when transactions are due (doubles, s since the epoch): whoever is free
--                   takes the next one, and its latency counts from then. The load ends where the schedule does
local ffi = require("ffi")

ffi.cdef [[
typedef struct { long seconds; long nanoseconds; } bench_moment;
int clock_gettime(int, bench_moment *);
int clock_nanosleep(int, int, const bench_moment *, bench_moment *);
long read(int, void *, size_t);
]]

local REALTIME, ABSOLUTE, INTERRUPTED = 0, 1, 4
local LOGGED_AT_ONCE = 1024
local FIRST_OF_CLIENT_LIBRARY = 2000 -- errors from here on mean that the connection is lost
-- Deadlocks, lock time-outs and changed rows are the load's own doing: it tries again.
local OWN_DOING = {[1213] = true, [1205] = true, [1020] = true}

local script, folder = os.getenv("BENCH_SCRIPT"), os.getenv("BENCH_FOLDER")
local schedule = tonumber(os.getenv("BENCH_SCHEDULE"))

if script == "connect" then
   function thread_init()
      drv = sysbench.sql.driver()
   end

   function thread_done()
   end

   function event()
      local con = drv:connect()
      con:query("SELECT 1"):free()
      con:disconnect()
   end
else
   require(script)
end

local moment, due = ffi.new("bench_moment[1]"), ffi.new("double[1]")

local function now()
   ffi.C.clock_gettime(REALTIME, moment)
   return tonumber(moment[0].seconds) + tonumber(moment[0].nanoseconds) * 1e-9
end

-- The moment from which the next transaction's latency counts, once it has come; nil: there are no more.
local function next_turn()
   if not schedule then
      return now()
   end
   if ffi.C.read(schedule, due, 8) ~= 8 then
      return nil
   end
   local seconds = math.floor(due[0])
   moment[0].seconds, moment[0].nanoseconds = seconds, math.floor((due[0] - seconds) * 1e9)
   while ffi.C.clock_nanosleep(REALTIME, ABSOLUTE, moment, nil) == INTERRUPTED do
   end
   return due[0]
end

local log
local records, used = ffi.new("double[?]", 2 * LOGGED_AT_ONCE), 0

local function flush()
   log:write(ffi.string(records, 16 * used))
   used = 0
end

local function record(began)
   local ended = now()
   records[2 * used], records[2 * used + 1] = ended, (ended - began) * 1e3
   used = used + 1
   if used == LOGGED_AT_ONCE then
      flush()
   end
end

local init, transaction, done = thread_init, event, thread_done
local began -- of the transaction that is under way, also while it is tried again

function thread_init()
   log = assert(io.open(folder .. "/log." .. sysbench.tid, "wb"))
   init()
end

function thread_done()
   flush()
   log:close()
   done()
end

function event(thread)
   began = began or next_turn()
   if not began then
      return true
   end
   transaction(thread)
   record(began)
   began = nil
end

-- One client's error shall not end the others. By --mysql-ignore-errors sysbench would reconnect itself, which crashes
-- with MariaDB's client library: it goes on with a handle that it has closed.
function sysbench.hooks.sql_error_ignorable()
   return true
end

function sysbench.hooks.before_restart_event(problem)
   if OWN_DOING[problem.sql_errno] then
      return
   end
   local errors = assert(io.open(folder .. "/errors." .. sysbench.tid, "a"))
   errors:write(problem.sql_errno, " ", problem.sql_errmsg, "\n")
   errors:close()
   if problem.sql_errno >= FIRST_OF_CLIENT_LIBRARY and script ~= "connect" then
      done()
      init()
   end
end
