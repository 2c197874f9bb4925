# @summary How nginx stands in front of a service; `true` is a site for every name on port 80.
#
# With `tls`, the site listens on port 443 and port 80 sends clients there.
type Debonair::Nginx = Variant[Boolean, Struct[{
      Optional['server_name'] => Array[Pattern[/\A[A-Za-z0-9*_.-]+\z/], 1],
      Optional['max_body']    => Pattern[/\A[0-9]+[kmg]?\z/],
      Optional['timeout']     => Integer[1],
      Optional['tls']         => Struct[{
          'certificate' => Stdlib::Absolutepath,
          'key'         => Stdlib::Absolutepath,
      }],
}]]
