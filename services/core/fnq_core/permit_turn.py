"""The script that decides who has a permit of a limit, and when."""

from __future__ import annotations

__all__ = ["TURN"]

#: See its own first lines; `permits.PermitDesk` asks for it.
TURN = r"""
-- One turn of a consumer at a limit: it says what changed with it, and the calls that have
-- waited longest get what the policy lets go, whichever consumer they wait at.
--
--   KEYS: policies, permits, queue, consumers, due
--   ARGV: limit, consumer, lease ms, ahead us, what a control stream's key begins with,
--         the order to another consumer without its permits, then six lists, each after
--         its length: permits taken over, permits renewed, permits released, waiters that
--         leave, waiters that join, and for each of these when its call was accepted; at
--         last whether any call waits at the consumer.
--
-- A permit is named by call (16 bytes) and epoch (4). A waiter is 8 bytes that order calls
-- of one moment, the name of the permit that it waits for, and its consumer. Times are
-- microseconds on Redis' clock, but for those by which keys and members lapse.
--
-- Returns the time, the microseconds until the consumer should come again (-1: no need),
-- and a list with name, consumer and the time from which it may be used of each permit
-- that was granted.

local policies, permits, queue, consumers, due = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local limit, me, lease, ahead = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local control, head = ARGV[5], ARGV[6]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local now_ms = math.floor(now / 1000)
local lapses = now_ms + lease

-- First a write that needs no memory: a Redis that is full lets the rest pass then.
redis.call('ZREMRANGEBYSCORE', permits, '-inf', now_ms)
redis.call('ZREMRANGEBYSCORE', consumers, '-inf', now_ms)

local at = 7
local function list()
  local first = at + 1
  at = first + ARGV[at]
  return first, at - 1
end

local grants = {}
local function grant(name, consumer, from)
  grants[#grants + 1] = name
  grants[#grants + 1] = consumer
  grants[#grants + 1] = string.format('%.0f', from)
end

local first, last = list()
for k = first, last do redis.call('ZADD', permits, lapses, ARGV[k]) end
first, last = list()
-- Only what is there: its run may have gone elsewhere and ended.
for k = first, last do redis.call('ZADD', permits, 'XX', lapses, ARGV[k]) end
first, last = list()
for k = first, last do redis.call('ZREM', permits, ARGV[k]) end
first, last = list()
for k = first, last do redis.call('ZREM', queue, ARGV[k]) end
first, last = list()
local accepted = list()
for k = first, last do
  local name = string.sub(ARGV[k], 9, 28)
  if redis.call('ZSCORE', permits, name) then
    -- It was granted, and the answer that said so was lost.
    redis.call('ZADD', permits, lapses, name)
    grant(name, me, now + ahead)
  else
    redis.call('ZADD', queue, ARGV[accepted + k - first], ARGV[k])
  end
end
if ARGV[at] == '1' then
  redis.call('ZADD', consumers, lapses, me)
else
  redis.call('ZREM', consumers, me)
end

-- Theoretical arrival time, as GCRA has it: a permit may be used when it is no more than
-- burst - 1 intervals ahead, and each moves it on by one.
local cap, interval, burst = string.match(
  redis.call('HGET', policies, limit) or '0 0 1', '^(%S+) (%S+) (%S+)')
cap, interval, burst = tonumber(cap), tonumber(interval), tonumber(burst)
local tat, moved = now, false
if interval > 0 then
  -- Never further than one grant can have moved it: it may be of another policy.
  tat = math.min(tonumber(redis.call('GET', due)) or now, now + ahead + burst * interval)
end

local held = redis.call('ZCARD', permits)
local again = -1
local orders, lapse_of = {}, {[me] = lapses}
local function alive(consumer)
  if lapse_of[consumer] == nil then
    local known = redis.call('ZSCORE', consumers, consumer)
    if known and redis.call('EXISTS', control .. consumer) == 0 then
      redis.call('ZREM', consumers, consumer)
      known = false
    end
    lapse_of[consumer] = tonumber(known) or false
  end
  return lapse_of[consumer]
end

while true do
  local waiter = redis.call('ZRANGE', queue, 0, 0)[1]
  if not waiter then break end
  local name, consumer = string.sub(waiter, 9, 28), string.sub(waiter, 29)
  if alive(consumer) then
    if cap > 0 and held >= cap then
      again = redis.call('ZRANGE', permits, 0, 0, 'WITHSCORES')[2] * 1000 - now
      break
    end
    local from = now
    if interval > 0 then
      from = math.max(now, tat - (burst - 1) * interval)
      if from > now + ahead then
        again = from - ahead / 2 - now
        break
      end
      tat, moved = math.max(tat, from) + interval, true
    end
    -- What another consumer is given lapses with its lease, until it renews it itself.
    redis.call('ZADD', permits, alive(consumer), name)
    held = held + 1
    grant(name, consumer, from)
    if consumer ~= me then
      local wait = struct.pack('<I4', math.floor(from - now))
      -- Field 12: 27 bytes, of which field 1 is the name and field 2 the time.
      orders[consumer] = (orders[consumer] or head) .. 'b\27\10\20' .. name .. '\21' .. wait
    end
  end
  redis.call('ZREM', queue, waiter)
end

for consumer, order in pairs(orders) do
  redis.call('XADD', control .. consumer, 'NOMKSTREAM', '*', 'e', order)
end
if moved then
  redis.call('SET', due, string.format('%.3f', tat), 'PX', math.ceil((tat - now) / 1000) + 1)
end
for k = 2, 4 do redis.call('PEXPIRE', KEYS[k], 2 * lease) end
return {string.format('%.0f', now), math.ceil(again), grants}
"""
