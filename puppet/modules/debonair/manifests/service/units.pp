# @summary Writes drop-ins for the units of a service: the address of the socket, and the sandbox.
#
# They are written before the package is installed, so that they apply to the first start.
#
# @param port the port on 127.0.0.1
# @param socket the Unix socket in place of a port
# @param sandbox directives for the service unit
# @param worker directives for the unit of the worker; a service without jobs does not have it
# @api private
define debonair::service::units (
  Optional[Stdlib::Port] $port,
  Optional[Stdlib::Absolutepath] $socket,
  Debonair::Sandbox $sandbox,
  Debonair::Sandbox $worker,
) {
  $listen = [$socket, $port].filter |$it| { $it =~ NotUndef }.map |$it| {
    $access = $it ? {
      String  => "SocketUser=${title}\nSocketGroup=www-data\nSocketMode=0660\nRemoveOnStop=yes\n",
      default => '',
    }
    $address = $it ? { String => $it, default => "127.0.0.1:${it}" }
    "[Socket]\nListenStream=\nListenStream=${address}\n${access}"
  }.join
  $services = [$sandbox, $worker].map |$it| {
    $it.empty ? { true => '', default => "[Service]\n${debonair::directives($it)}" }
  }

  $texts = {
    "${title}.socket"         => $listen,
    "${title}.service"        => $services[0],
    "${title}-worker.service" => $services[1],
  }
  $texts.each |$unit, $text| {
    $kept = $text ? {
      ''      => absent,
      default => file,
    }
    $directory = "/etc/systemd/system/${unit}.d"
    # The directory always exists: its modification time shows that a drop-in was removed.
    file { $directory:
      ensure => directory,
      owner  => 'root',
      group  => 'root',
      mode   => '0755',
    }
    file { "${directory}/puppet.conf":
      ensure  => $kept,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => "# Puppet (debonair::service ${title}) writes this file.\n${text}",
    }
  }
}
