# @summary The nginx site of a service.
#
# Puppet writes the site to sites-available. It is copied to sites-enabled only if nginx accepts its whole
# configuration with it. If not, the run fails, and the previous site stays. Each run tries again.
#
# nginx is reloaded when a file of its configuration is newer than its start and than a stamp, which is
# written after each successful reload. So the next run repeats a reload that failed.
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
  $script = '/usr/local/lib/debonair/nginx-site'
  $stamp = '/run/nginx-loaded-by-debonair'
  $loopback = ['127.0.0.0/8', '::1']
  $load = "debonair ${title}: load the configuration of nginx"
  $path = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']

  if $site =~ NotUndef {
    include debonair::nginx

    file { $available:
      ensure  => file,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => epp('debonair/nginx.conf.epp', {
          'svc'           => $title,
          'backend'       => $backend,
          'server_name'   => pick($site['server_name'], ['_']),
          'max_body'      => pick($site['max_body'], '16m'),
          'timeout'       => pick($site['timeout'], 60),
          'tls'           => $site['tls'],
          'allow_metrics' => pick($site['allow_metrics'], $loopback),
          'allow_probes'  => pick($site['allow_probes'], $loopback),
      }),
      require => Class['debonair::nginx'],
    }

    # With --noop the script may not exist yet.
    -> exec { "debonair ${title}: enable the nginx site":
      command  => "${script} enable ${title}",
      unless   => "test -x ${script} && ${script} check ${title}",
      provider => shell,
      path     => $path,
      before   => Exec[$load],
    }
    $if_stopped = 'exit 0'
  } else {
    # On a host without nginx these files do not exist, and Puppet has nothing to change.
    file { [$enabled, $available]:
      ensure => absent,
      before => Exec[$load],
    }
    $if_stopped = 'exit 1'
  }

  # Starts nginx if this service has a site.
  exec { $load:
    command  => "nginx -q -t && systemctl reload-or-restart nginx.service && touch ${stamp}",
    onlyif   => @("ONLYIF"/$L),
      test -x /usr/sbin/nginx || exit 1
      systemctl is-active --quiet nginx.service || ${if_stopped}
      since=\$(systemctl show --timestamp=us+utc -p InactiveExitTimestamp --value nginx.service)
      test ! -e ${stamp} || newer='-newer ${stamp}'
      find -L /etc/nginx -newermt "\$since" \${newer-} | grep -q .
      | ONLYIF
    provider => shell,
    path     => $path,
  }
}
