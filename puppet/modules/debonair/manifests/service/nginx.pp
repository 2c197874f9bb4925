# @summary The nginx site of a service.
#
# nginx is reloaded when a file of its configuration is newer than a stamp, which is written after each
# successful reload. So the next run repeats a reload that failed. If nginx refuses the configuration, the
# run fails, and the running nginx keeps the previous configuration.
#
# @param site the options of the site; undef when there is no site
# @param backend the address of the service: host:port, or unix:path
# @api private
define debonair::service::nginx (
  Optional[Hash[String, Any]] $site,
  String $backend,
) {
  $available = "/etc/nginx/sites-available/${title}"
  $enabled = "/etc/nginx/sites-enabled/${title}"
  $stamp = '/run/nginx-loaded-by-debonair'

  if $site =~ NotUndef {
    include debonair::nginx

    file { $available:
      ensure  => file,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => epp('debonair/nginx.conf.epp', {
          'svc'         => $title,
          'backend'     => $backend,
          'server_name' => pick($site['server_name'], ['_']),
          'max_body'    => pick($site['max_body'], '16m'),
          'timeout'     => pick($site['timeout'], 60),
          'tls'         => $site['tls'],
      }),
      require => Class['debonair::nginx'],
    }
    -> file { $enabled:
      ensure => link,
      target => $available,
    }
  } else {
    # On a host without nginx these files do not exist, and Puppet has nothing to change.
    file { [$enabled, $available]:
      ensure => absent,
    }
  }

  exec { "debonair ${title}: load the configuration of nginx":
    command  => "nginx -q -t && systemctl reload-or-restart nginx.service && touch ${stamp}",
    onlyif   => @("ONLYIF"/L),
      test -x /usr/sbin/nginx && systemctl is-active --quiet nginx.service && \
      { test ! -e ${stamp} || find -L /etc/nginx -newer ${stamp} | grep -q .; }
      | ONLYIF
    provider => shell,
    path     => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    require  => File[$enabled, $available],
  }
}
