-- SPDX-License-Identifier: BSD-3-Clause
--
-- Pktgen-DPDK's functions as far as masquerade.lua calls them, for a test: a line of 1 000 000 packets a
-- second, and an appliance behind it that loses what exceeds CAPACITY. An unknown function is an error.
-- Time passes in pktgen.delay only. The appliance asks ARP times a second outside, half as often inside, and is
-- answered; kinds of packets are counted QUEUES times. All flows must have been sent before the first real trial.
ARP, QUEUES = ARP or 0, QUEUES or 1
local state = { rate = 0, opened = 0, tx = 0, rx = 0, arp = 0, sending = false, range = {}, mac = nil, answers_arp = {} }
local LINE = 1000000

local function count(milliseconds)
    if not state.sending then return end
    local sent = math.floor(LINE * state.rate / 100 * milliseconds / 1000)
    local passed = math.floor(math.min(LINE * state.rate / 100, CAPACITY) * milliseconds / 1000)
    assert(state.range_on and state.mac and state.answers_arp["0"] and state.answers_arp["1"], "not set up")
    assert(state.range["0 src_port max"] - state.range["0 src_port min"] + 1 == FLOWS, "flows")
    assert(state.range["0 dst_mac start"] == state.mac, "range mode has a link address of its own")
    state.opened = state.opened + sent
    state.tx, state.rx = state.tx + sent, state.rx + passed
    state.arp = state.arp + ARP * milliseconds // 1000
end

local function one_of(value, ...)
    for _, allowed in ipairs({ ... }) do if value == allowed then return end end
    error("unexpected: " .. tostring(value))
end

pktgen = setmetatable({
    range = setmetatable({}, { __index = function(_, field)
        one_of(field, "dst_mac", "src_ip", "dst_ip", "src_port", "dst_port", "ip_proto", "ttl", "pkt_size")
        return function(port, what, value)
            if field == "ip_proto" then return one_of(what, "udp", "tcp", "icmp") end
            one_of(what, "start", "inc", "min", "max")
            state.range[port .. " " .. field .. " " .. what] = value
        end
    end }),
    reset = function() end,
    set_type = function(_, kind) one_of(kind, "ipv4", "ipv6", "vlan", "arp") end,
    set_proto = function(_, proto) one_of(proto, "udp", "tcp", "icmp") end,
    process = function(port, on) state.answers_arp[port] = on == "on" end,
    set_ipaddr = function(_, which) one_of(which, "src", "dst") end,
    set_mac = function(_, which, mac) one_of(which, "src", "dst"); state.mac = mac end,
    set_range = function(_, on) state.range_on = on == "on" end,
    clr = function() state.tx, state.rx, state.arp = 0, 0, 0 end,
    set = function(_, what, value)
        one_of(what, "count", "rate", "size", "burst", "sport", "dport")
        if what == "rate" then state.rate = value end
    end,
    start = function()
        assert(state.rate < 1 or state.opened >= FLOWS, "a trial began before all flows were open")
        state.sending = true
    end,
    stop = function() state.sending = false end,
    delay = count,
    portStats = function(port, kind)
        one_of(kind, "port", "rate")
        local inside = state.arp // 2
        if port == "0" then return { [0] = { opackets = state.tx + inside, ipackets = inside } } end
        return { [1] = { opackets = state.arp, ipackets = state.rx + state.arp } }
    end,
    pktStats = function(port)
        local ip, arp = state.rx, state.arp
        if port == "0" then ip, arp = 0, state.arp // 2 end
        return { [tonumber(port)] = {
            arp_pkts = QUEUES * arp, ip_pkts = QUEUES * ip, ipv6_pkts = 0, vlan_pkts = 0,
        } }
    end,
}, { __index = function(_, name) error("Pktgen has no pktgen." .. name) end })

package.loaded["Pktgen"] = pktgen
