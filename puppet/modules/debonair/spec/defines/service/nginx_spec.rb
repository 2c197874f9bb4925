# frozen_string_literal: true

RSpec.describe 'debonair::service::nginx', type: :define do
  let(:title) { 'orders' }
  let(:params) { { site: {}, backend: '127.0.0.1:5001' } }
  let(:available) { '/etc/nginx/sites-available/orders' }
  let(:enabled) { '/etc/nginx/sites-enabled/orders' }
  let(:reload) { 'debonair orders: load the configuration of nginx' }

  context 'with a site' do
    it { is_expected.to compile.with_all_deps }
    it { is_expected.to contain_debonair__service__nginx('orders') }
    it { is_expected.to contain_class('debonair::nginx') }

    it 'writes the site after nginx is installed' do
      is_expected.to contain_file(available)
        .with(ensure: 'file', owner: 'root', group: 'root', mode: '0644').that_requires('Class[debonair::nginx]')
    end

    it 'enables the site if nginx accepts it' do
      is_expected.not_to contain_file(enabled)
      is_expected.to contain_exec('debonair orders: enable the nginx site')
        .with(command: '/usr/local/lib/debonair/nginx-site enable orders', unless: %r{^test -x (\S+) && \1 check orders$})
        .that_requires("File[#{available}]").that_comes_before("Exec[#{reload}]")
    end

    it 'reloads nginx after a test of the whole configuration, if a file is newer than its start and the last reload' do
      is_expected.to contain_exec(reload)
        .with(command: /\Anginx -q -t && systemctl reload-or-restart nginx\.service && touch /, provider: 'shell')
        .with_onlyif(%r{find -L /etc/nginx -newermt "\$since" \$\{newer-\}})
    end

    it { is_expected.to contain_exec(reload).with_onlyif(/is-active --quiet nginx\.service \|\| exit 0$/) }
    it('has a condition that a shell can parse') { expect(shell_parses?(catalogue.resource('Exec', reload)[:onlyif])).to be true }

    it { is_expected.to contain_file(available).with_content(/^(    server 127\.0\.0\.1:5001 max_fails=0;\n){2}/) }
    it { is_expected.to contain_file(available).with_content(/^    server_name _;$/) }
    it { is_expected.to contain_file(available).with_content(/^    client_max_body_size 16m;$/) }
    it { is_expected.to contain_file(available).with_content(/^    proxy_read_timeout 60s;$/) }
    it { is_expected.to contain_file(available).with_content(/^    listen 80;$/).without_content(/ssl|return 308/) }

    %w[/metrics /health/live /health/ready].each do |path|
      it "lets nobody but the host itself get #{path}" do
        location = "    location = #{path} {\n        allow 127.0.0.0/8;\n        allow ::1;\n        deny all;\n        proxy_pass http://orders;\n    }\n"
        is_expected.to contain_file(available).with_content(/^#{Regexp.escape(location)}/)
      end
    end

    {
      'Host' => '$host',
      'X-Forwarded-For' => '$proxy_add_x_forwarded_for',
      'X-Forwarded-Proto' => '$scheme',
      'X-Forwarded-Host' => '$host',
      'X-Forwarded-Prefix' => '""',
      'X-Request-ID' => '$request_id',
    }.each do |header, value|
      it { is_expected.to contain_file(available).with_content(/^    proxy_set_header #{header} #{Regexp.escape(value)};$/) }
    end
  end

  context 'with server_name, max_body and timeout' do
    let(:params) { super().merge(site: { 'server_name' => %w[a.example.org b.example.org], 'max_body' => '2m', 'timeout' => 5 }) }

    it { is_expected.to contain_file(available).with_content(/^    server_name a\.example\.org b\.example\.org;$/) }
    it { is_expected.to contain_file(available).with_content(/^    client_max_body_size 2m;$/) }
    it { is_expected.to contain_file(available).with_content(/^    proxy_read_timeout 5s;$/) }
  end

  context 'with allow_metrics and allow_probes' do
    let(:params) { super().merge(site: { 'allow_metrics' => ['10.1.0.0/16', 'fd00::1'], 'allow_probes' => ['all'] }) }

    it { is_expected.to contain_file(available).with_content(%r{= /metrics \{\n +allow 10\.1\.0\.0/16;\n +allow fd00::1;\n +deny all;}) }
    it { is_expected.to contain_file(available).with_content(%r{= /health/live \{\n +allow all;\n +deny all;}) }
    it { is_expected.to contain_file(available).with_content(%r{= /health/ready \{\n +allow all;\n +deny all;}) }
  end

  context 'with tls' do
    let(:params) { super().merge(site: { 'tls' => { 'certificate' => '/etc/ssl/a.pem', 'key' => '/etc/ssl/a.key' } }) }

    it { is_expected.to contain_file(available).with_content(/^    listen 443 ssl http2;$/) }
    it { is_expected.to contain_file(available).with_content(%r{^    ssl_certificate /etc/ssl/a\.pem;$}) }
    it { is_expected.to contain_file(available).with_content(%r{^    ssl_certificate_key /etc/ssl/a\.key;$}) }
    it { is_expected.to contain_file(available).with_content(/listen 80;[^}]*return 308 https:/) }
  end

  context 'with a backend on a Unix socket' do
    let(:params) { super().merge(backend: 'unix:/run/orders/http.sock') }

    it { is_expected.to contain_file(available).with_content(%r{^    server unix:/run/orders/http\.sock max_fails=0;$}) }
  end

  context 'without a site' do
    let(:params) { { site: :undef, backend: '127.0.0.1:5000' } }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.not_to contain_class('debonair::nginx') }
    it { is_expected.to contain_file(available).with_ensure('absent').that_comes_before("Exec[#{reload}]") }
    it { is_expected.to contain_file(enabled).with_ensure('absent').that_comes_before("Exec[#{reload}]") }
    it { is_expected.to contain_exec(reload).with_onlyif(/is-active --quiet nginx\.service \|\| exit 1$/) }
  end
end
