# @summary Writes drop-ins for the units of a service: the address of the socket, and the sandbox.
#
# They are written before the package is installed, so that they apply to the first start.
#
# @param port the port on 127.0.0.1
# @param socket the Unix socket in place of a port
# @param sandbox directives for the service unit
# @api private
define debonair::service::units (
  Optional[Stdlib::Port] $port,
  Optional[Stdlib::Absolutepath] $socket,
  Debonair::Sandbox $sandbox,
) {
  $listen = [$socket, $port].filter |$it| { $it =~ NotUndef }.map |$it| {
    $access = $it ? {
      String  => "SocketUser=${title}\nSocketGroup=www-data\nSocketMode=0660\nRemoveOnStop=yes\n",
      default => '',
    }
    $address = $it ? { String => $it, default => "127.0.0.1:${it}" }
    "[Socket]\nListenStream=\nListenStream=${address}\n${access}"
  }.join
  $directives = debonair::directives($sandbox)
  $service = $directives ? {
    ''      => '',
    default => "[Service]\n${directives}",
  }

  $texts = { 'socket' => $listen, 'service' => $service }
  $texts.each |$unit, $text| {
    $kept = $text ? {
      ''      => absent,
      default => file,
    }
    $directory = "/etc/systemd/system/${title}.${unit}.d"
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
