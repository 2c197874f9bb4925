# @summary The nginx site of a service. `true` is a site on port 80 for every server name.
#
# `server_name` lists the names of the site, `max_body` is the largest request body (16m), `timeout` is
# the number of seconds to wait for a response (60). With `tls`, the site listens on port 443, and port
# 80 redirects to it. `allow_metrics` and `allow_probes` list the addresses and networks that may get
# `/metrics`, and `/health/live` and `/health/ready`; everybody else gets 403. Without them, this is the
# host itself.
type Debonair::Nginx = Variant[Boolean, Struct[{
      Optional['server_name']   => Array[Pattern[/\A[A-Za-z0-9*_.-]+\z/], 1],
      Optional['max_body']      => Pattern[/\A[0-9]+[kmg]?\z/],
      Optional['timeout']       => Integer[1],
      Optional['allow_metrics'] => Array[Variant[Stdlib::IP::Address, Enum['all']]],
      Optional['allow_probes']  => Array[Variant[Stdlib::IP::Address, Enum['all']]],
      Optional['tls']           => Struct[{
          'certificate' => Stdlib::Absolutepath,
          'key'         => Stdlib::Absolutepath,
      }],
}]]
