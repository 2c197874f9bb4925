# @summary Puts Debonair services on this host: one `debonair::service` for each entry of `services`.
#
# @example In Hiera, with `include debonair` in the node's manifest
#   debonair::services:
#     orders:
#       version: '1.4.2'
#       port: 5001
#       config:
#         orders:
#           page_size: 100
#   debonair::secrets:
#     orders:
#       orders:
#         api_token: ENC[...]
#
# @param services
#   Parameters of `debonair::service` by the name of the service. Levels of Hiera are merged deeply.
# @param secrets
#   Settings that are nobody's to read, by service, section and option. Levels of Hiera are merged
#   deeply, and what they give is made Sensitive; they win over `config`.
# @param manage_repository
#   Whether `debonair::repository` is to set up the apt repository, before any service.
class debonair (
  Hash[Debonair::Name, Hash[String, Any]] $services,
  Sensitive[Hash[Debonair::Name, Debonair::Settings]] $secrets,
  Boolean $manage_repository,
) {
  $strangers = $secrets.unwrap.keys - $services.keys
  unless $strangers.empty {
    fail("debonair::secrets: not among debonair::services: ${strangers.join(', ')}")
  }

  # Two services on one port would fail on the host, one after the other; here both are named.
  $present = $services.filter |$name, $service| {
    $service['ensure'] != 'absent' and !$service['socket']
  }
  $ports = $present.map |$name, $service| { [pick($service['port'], 5000), $name] }
  $ports.group_by |$pair| { $pair[0] }.each |$port, $pairs| {
    if $pairs.length > 1 {
      $names = $pairs.map |$pair| { $pair[1] }
      fail("debonair::services: port ${port} is that of ${names.join(' and ')}: give each a port of its own")
    }
  }

  if $manage_repository {
    contain debonair::repository
    Class['debonair::repository'] -> Debonair::Service <| |>
  }

  $services.each |$name, $service| {
    debonair::service { $name:
      *       => $service,
      secrets => Sensitive(pick($secrets.unwrap[$name], {})),
    }
  }
}
