# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Real servers on the hosts of the laboratory; each verb returns when the server listens.
#
#   serve_web HOST [ADDRESS...]      nginx on port 80; what it serves is in $T/HOST/www, uploads
#                                    (PUT /up/NAME) land in $T/HOST/www/up, requests in $T/HOST/access
#   serve_dns HOST ADDRESS NAME IP   dnsmasq that knows one name
#   serve_iperf HOST                 iperf3 on port 5201
#   big_file FILE MEGABYTES          a file that does not compress
#   fetch HOST URL [CURL-OPTION...]  the body, at most 60 s
#   load DEVICE DEVICE [EAL-OPTION...] -- OPTION...
#                                    masq_load (tests/perf) over two DPDK devices

listening() { on "$1" ss -Hln"$2" "sport = :$3" | grep -q .; }

serve_web() {
    local host=$1 dir=$T/$1 listen
    shift
    mkdir -p "$dir/www/up" "$dir/tmp"
    listen=$(printf 'listen %s:80; ' "${@:-0.0.0.0}")
    cat >"$dir/nginx.conf" <<EOF
daemon off; user root; worker_processes 1; pid $dir/pid; error_log $dir/error;
events { worker_connections 2048; }
http {
    log_format who '\$remote_addr \$server_addr \$status \$uri';
    access_log $dir/access who;
    client_body_temp_path $dir/tmp; client_max_body_size 0; sendfile on;
    proxy_temp_path $dir/tmp/p; fastcgi_temp_path $dir/tmp/f;
    uwsgi_temp_path $dir/tmp/u; scgi_temp_path $dir/tmp/s;
    server {
        $listen
        root $dir/www;
        location = /whoami { return 200 "$host \$remote_addr\\n"; }
        location /up/ { dav_methods PUT; create_full_put_path on; }
    }
}
EOF
    : >"$dir/access"
    spawn "$host" nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/error"
    wait_for 10 "nginx on $host" listening "$host" t 80
}

serve_dns() {
    spawn "$1" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
        --user=root --pid-file= --bind-interfaces --listen-address="$2" --address="/$3/$4"
    wait_for 10 "dnsmasq on $1" listening "$1" u 53
}

serve_iperf() {
    spawn "$1" iperf3 --server
    wait_for 10 "iperf3 on $1" listening "$1" t 5201
}

big_file() { head -c "$(($2 * 1048576))" /dev/urandom >"$1"; }

fetch() {
    local host=$1 url=$2
    shift 2
    on "$host" curl -sS --fail --max-time 60 "$@" "$url"
}

sum_of() { sha256sum "$1" | cut -d' ' -f1; }

load() {
    on box masq_load --no-huge -m 256 --no-pci --no-shconf --no-telemetry --log-level=error -l 0 \
        --file-prefix "$ID" --vdev "$1" --vdev "$2" "${@:3}"
}
