-- SPDX-License-Identifier: BSD-3-Clause
--
-- Pktgen-DPDK: the highest rate without loss (RFC 2544 section 26.1) of masqueraded UDP flows.
--
--   echo 'MASQ = { lan_mac = "02:00:00:00:00:01" }; dofile("tests/perf/pktgen/masquerade.lua")' >run.lua
--   pktgen -l 0-2 -n 4 -- -P -m "1.0,2.1" -f run.lua
--
-- Port 0 is the client inside, port 1 the server outside. Flows are ports of the client, from 1024 up;
-- Pktgen's range mode counts them. One direction: what the server would answer to is the appliance's
-- choice. Rates are percent of the line, as everywhere in Pktgen; a port without a speed of its own
-- (net_memif) counts as what DPDK says of it.
--
-- A port's counters have ARP in them: the appliance's questions, and Pktgen's answers to them. They are taken
-- off, or each question outside would make up for a packet that was lost.
--
-- Everything in the table below can be set by MASQ; lan_mac must be: "dpdk-masq-cli port show" says it.
package.path = package.path .. ";?.lua;test/?.lua;app/?.lua;../?.lua"
require "Pktgen"

local set = {
    lan_mac = nil,          -- link address of the appliance's inner port
    client = "192.168.1.2", server = "203.0.113.80", netmask = "/24",
    wan = "203.0.113.1",
    flows = 1000,           -- 1 to 64512
    sizes = { 64, 128, 256, 512, 1024, 1280, 1518 }, -- bytes of a frame with CRC, RFC 2544 section 9.1
    seconds = 60,           -- of a trial
    settle = 2,             -- seconds until what is on its way has arrived
    highest = 100, lowest = 0.1, precision = 0.5, -- percent
    log = "masquerade.txt",
}
for name, value in pairs(MASQ or {}) do set[name] = value end
assert(set.lan_mac, 'lan_mac is missing: MASQ = { lan_mac = "..." }')
assert(set.flows >= 1 and set.flows <= 64512, "flows: 1 to 64512")

local INSIDE, OUTSIDE = "0", "1"
local file

local function say(...)
    local line = string.format(...)
    print(line)
    file:write(line .. "\n")
    file:flush()
end

-- A field of range mode: it starts at low, and steps up to high.
local function range(field, low, step, high)
    local f = pktgen.range[field]
    f(INSIDE, "start", low)
    f(INSIDE, "inc", step)
    f(INSIDE, "min", low)
    f(INSIDE, "max", high)
end

local function setup()
    pktgen.reset("all")
    for _, port in ipairs({ INSIDE, OUTSIDE }) do
        pktgen.set_type(port, "ipv4")
        pktgen.set_proto(port, "udp")
        pktgen.process(port, "on") -- answers ARP, without which the appliance has no neighbour
    end
    pktgen.set_ipaddr(INSIDE, "src", set.client .. set.netmask)
    pktgen.set_ipaddr(INSIDE, "dst", set.server)
    pktgen.set_ipaddr(OUTSIDE, "src", set.server .. set.netmask)
    pktgen.set_ipaddr(OUTSIDE, "dst", set.wan)
    pktgen.set_mac(INSIDE, "dst", set.lan_mac)
    pktgen.range.dst_mac(INSIDE, "start", set.lan_mac)
    pktgen.range.ip_proto(INSIDE, "udp")
    range("src_ip", set.client, "0.0.0.0", set.client)
    range("dst_ip", set.server, "0.0.0.0", set.server)
    range("src_port", 1024, 1, 1024 + set.flows - 1)
    range("dst_port", 7, 0, 7)
    range("ttl", 64, 0, 64)
    pktgen.set_range(INSIDE, "on")
end

-- ARP frames that a port received: their share of all that Pktgen looked at. Only the share, because some
-- versions add up what they looked at once for each queue that there may be.
local function arp_frames(port, received)
    local kinds = pktgen.pktStats(port)[tonumber(port)]
    local all = kinds.arp_pkts + kinds.ip_pkts + kinds.ipv6_pkts + kinds.vlan_pkts
    if all == 0 then return 0 end
    return math.floor(received * kinds.arp_pkts / all + 0.5)
end

-- Send for so many seconds; returns how many were sent and how many arrived.
local function send(rate, size, seconds)
    pktgen.clr()
    range("pkt_size", size, 0, size)
    pktgen.set(INSIDE, "count", 0)
    pktgen.set(INSIDE, "rate", rate)
    pktgen.start(INSIDE)
    pktgen.delay(seconds * 1000)
    pktgen.stop(INSIDE)
    pktgen.delay(set.settle * 1000)
    local inside = pktgen.portStats(INSIDE, "port")[tonumber(INSIDE)]
    local outside = pktgen.portStats(OUTSIDE, "port")[tonumber(OUTSIDE)]
    local tx = inside.opackets - arp_frames(INSIDE, inside.ipackets) -- each question was answered
    local rx = outside.ipackets - arp_frames(OUTSIDE, outside.ipackets)
    say("size %4d  rate %7.3f %%  sent %11d  lost %d", size, rate, tx, tx - rx)
    return tx, rx
end

local function passes(rate, size)
    local tx, rx = send(rate, size, set.seconds)
    return tx > 0 and rx >= tx
end

-- Halve the interval between a rate that passed and one that did not; 0: not even the lowest passes.
local function search(size)
    local low, high = set.lowest, set.highest
    if passes(high, size) then return high end
    if not passes(low, size) then return 0 end
    while high - low > set.precision do
        local middle = (low + high) / 2
        if passes(middle, size) then low = middle else high = middle end
    end
    return low
end

-- All flows once, slowly: a trial shall meet sessions that exist. The lowest rate of a slow line needs some time.
local function open_sessions()
    local sent = 0
    while sent < set.flows do
        local tx = send(set.lowest, 64, 10)
        assert(tx > 0, "port 0 sends nothing")
        sent = sent + tx
    end
end

function main()
    file = assert(io.open(set.log, "w"))
    setup()
    open_sessions()
    for _, size in ipairs(set.sizes) do
        say("zero loss: size %d rate %.3f %%", size, search(size))
    end
    file:close()
end

main()
