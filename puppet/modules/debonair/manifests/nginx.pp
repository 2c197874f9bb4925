# @summary nginx itself, on a host where a service has a site.
# @api private
class debonair::nginx {
  # Whoever else manages nginx on this host may go on doing so.
  ensure_resource('package', 'nginx', { 'ensure' => 'installed' })
  ensure_resource('service', 'nginx', { 'ensure' => 'running', 'enable' => true })

  # Debian's welcome page would answer in place of a service without a server name.
  file { '/etc/nginx/sites-enabled/default':
    ensure => absent,
  }

  Package['nginx'] -> File['/etc/nginx/sites-enabled/default'] -> Service['nginx']
}
