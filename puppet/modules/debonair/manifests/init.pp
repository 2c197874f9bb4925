# @summary Puts Debonair services on this host: one `debonair::service` for each entry of `services`.
#
# The compilation fails when two services listen on the same port, or when nginx would serve two of them
# under the same server name.
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
#   The parameters of `debonair::service`, by the name of the service. Levels of Hiera are merged deeply.
# @param secrets
#   Secret settings, by service, section and option. They win over `config`. Levels of Hiera are merged
#   deeply, and the result of the lookup is `Sensitive`. Secrets of services that this node does not have
#   are ignored, so all nodes can share one file.
# @param manage_repository
#   Whether to set up the apt repository with `debonair::repository`, before any service.
class debonair (
  Hash[Debonair::Name, Hash[String, Any]] $services,
  Sensitive[Hash[Debonair::Name, Debonair::Settings]] $secrets,
  Boolean $manage_repository,
) {
  $services.each |$name, $service| {
    debonair::check_parameters($name, $service)
  }
  $present = $services.filter |$name, $service| { $service['ensure'] != 'absent' }

  # On the host, the second of two services on one port would fail without a word about the first.
  $on_ports = $present.filter |$name, $service| { $service['port'] }
  $ports = $on_ports.map |$name, $service| { [$service['port'], $name] }
  $ports.group_by |$pair| { $pair[0] }.each |$port, $pairs| {
    if $pairs.length > 1 {
      $names = $pairs.map |$pair| { $pair[1] }
      fail("debonair::services: port ${port} is used by ${names.join(' and ')}: give each a port of its own")
    }
  }

  # nginx would only warn, and never pass a request to the second site.
  $sites = $present.map |$name, $service| {
    $server_names = $service['nginx'] ? {
      Hash    => pick($service['nginx']['server_name'], ['_']),
      true    => ['_'],
      default => [],
    }
    flatten($server_names).map |$server_name| { [downcase(String($server_name)), $name] }.unique
  }
  $sites.reduce([]) |$all, $own| { $all + $own }.group_by |$pair| { $pair[0] }.each |$server_name, $pairs| {
    if $pairs.length > 1 {
      $names = $pairs.map |$pair| { $pair[1] }.join(' and ')
      $what = $server_name ? {
        '_'     => 'every server name (nginx without server_name)',
        default => "the server name ${server_name}",
      }
      fail("debonair::services: ${what} is used by ${names}: give each a server_name of its own")
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
