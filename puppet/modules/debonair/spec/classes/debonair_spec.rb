# frozen_string_literal: true

RSpec.describe 'debonair', type: :class do
  let(:repository) do
    "class { 'debonair::repository':
      url => 'https://apt.example.org/debian',
      key => '-----BEGIN PGP PUBLIC KEY BLOCK-----',
    }"
  end

  on_each_release do |release, facts|
    context "on #{release}" do
      let(:facts) { facts }

      context 'without services' do
        it { is_expected.to compile.with_all_deps }
        it { is_expected.to have_debonair__service_resource_count(0) }
        it { is_expected.not_to contain_class('debonair::repository') }
      end

      context 'with a service in services' do
        let(:params) { { services: { 'orders' => { 'version' => '1.4.2', 'port' => 5001 } } } }

        it { is_expected.to compile.with_all_deps }
        it { is_expected.to contain_class('debonair') }
        it { is_expected.to contain_debonair__service('orders').with(version: '1.4.2', port: 5001) }
      end
    end
  end

  context 'with data of two levels of Hiera' do
    let(:node) { 'orders.example.org' }
    let(:hiera_config) { File.join(MODULE, 'spec', 'fixtures', 'hiera.yaml') }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.to have_debonair__service_resource_count(1) }

    it 'merges the services deeply' do
      is_expected.to contain_debonair__service('orders')
        .with(port: 5001, config: { 'log' => { 'level' => 'INFO' }, 'server' => { 'workers' => 2 } })
    end

    it 'merges the secrets deeply, and ignores those of a service that the node lacks' do
      is_expected.to contain_debonair__service('orders')
        .with_secrets(sensitive('orders' => { 'api_token' => 'common', 'api_key' => 'node' }))
    end
  end

  context 'with secrets' do
    let(:params) { { services: { 'orders' => { 'port' => 5001 } }, secrets: sensitive('orders' => { 'orders' => { 'api_token' => 'x' } }) } }

    it { is_expected.to contain_debonair__service('orders').with_secrets(sensitive('orders' => { 'api_token' => 'x' })) }
  end

  context 'with secrets that are not Sensitive' do
    let(:params) { { secrets: { 'orders' => { 'orders' => { 'api_token' => 'x' } } } } }

    it { is_expected.to compile.and_raise_error(/parameter 'secrets' expects a Sensitive/) }
  end

  context 'with manage_repository' do
    let(:pre_condition) { repository }
    let(:params) { { services: { 'orders' => { 'port' => 5001 } }, manage_repository: true } }

    it { is_expected.to compile.with_all_deps }

    it 'sets up the repository before the services' do
      is_expected.to contain_class('debonair::repository').that_comes_before('Debonair::Service[orders]')
    end
  end

  context 'with a removed service that had the port and the server name of another' do
    let(:params) do
      site = { 'port' => 5001, 'nginx' => { 'server_name' => ['orders.example.org'] } }
      { services: { 'orders' => site, 'stock' => site.merge('ensure' => 'absent') } }
    end

    it { is_expected.to compile.with_all_deps }
    it { is_expected.to contain_debonair__service('stock').with_ensure('absent') }
    it { is_expected.to contain_debonair__service__absent('stock') }
    it { is_expected.to contain_debonair__service__nginx('stock').with_site(nil) }
    it { is_expected.to contain_package('stock').with_ensure('purged') }
    it { is_expected.to contain_exec('debonair stock: forget the units') }
    it { is_expected.to contain_debonair__service__timers('stock').with_timers({}) }
    it { is_expected.to contain_exec('debonair stock: remove timers that are not in Hiera') }
    it { is_expected.to contain_debonair__service__pin('stock').with_version('present') }
    it { is_expected.to contain_file('/etc/apt/preferences.d/debonair-stock').with_ensure('absent') }
    it { is_expected.to contain_exec('debonair stock: load the configuration of nginx') }

    ['/etc/stock', '/etc/systemd/system/stock.socket.d', '/etc/systemd/system/stock.service.d',
     '/etc/systemd/system/stock-worker.service.d',
     '/etc/nginx/sites-available/stock', '/etc/nginx/sites-enabled/stock'].each do |path|
      it { is_expected.to contain_file(path).with_ensure('absent') }
    end
  end

  {
    'two services on one port' =>
      [{ 'orders' => { 'port' => 5001 }, 'stock' => { 'port' => 5001 } },
       /port 5001 is used by orders and stock: give each a port of its own/],
    'two services without a port' =>
      [{ 'orders' => {}, 'stock' => {} }, /orders: give it a port, or a socket/],
    'two sites with one server name, in different case' =>
      [{ 'orders' => { 'port' => 5001, 'nginx' => { 'server_name' => ['shop.example.org'] } },
         'stock' => { 'port' => 5002, 'nginx' => { 'server_name' => ['a.example.org', 'Shop.example.org'] } } },
       /the server name shop.example.org is used by orders and stock: give each a server_name of its own/],
    'two sites for every server name' =>
      [{ 'orders' => { 'port' => 5001, 'nginx' => true }, 'stock' => { 'port' => 5002, 'nginx' => { 'timeout' => 9 } } },
       /every server name \(nginx without server_name\) is used by orders and stock/],
    'a misspelt parameter' =>
      [{ 'orders' => { 'prot' => 5001 } },
       /debonair::services: orders: 'prot' is not a parameter of a service: did you mean 'port'\?/],
    'secrets among the parameters' =>
      [{ 'orders' => { 'secrets' => {} } }, /debonair::services: orders: 'secrets' belongs in debonair::secrets/],
    'a value of the wrong type' =>
      [{ 'orders' => { 'port' => 'http' } }, /Debonair::Service\[orders\]: parameter 'port' expects/],
    'a site of the wrong type' =>
      [{ 'orders' => { 'nginx' => 'on' } }, /Debonair::Service\[orders\]: parameter 'nginx' expects/],
    'an invalid name' =>
      [{ 'Orders' => {} }, /parameter 'services'.*Debonair::Name/],
  }.each do |what, (services, message)|
    context "with #{what}" do
      let(:params) { { services: services } }

      it { is_expected.to compile.and_raise_error(message) }
    end
  end

  context 'with two services on Unix sockets' do
    let(:params) do
      { services: { 'orders' => { 'socket' => '/run/shared/http.sock' }, 'stock' => { 'ensure' => 'absent' } } }
    end

    it { is_expected.to compile.with_all_deps }
  end

  context 'when another module declares nginx after the class' do
    let(:params) { { services: { 'orders' => { 'port' => 5001, 'nginx' => true } } } }
    let(:post_condition) { "package { 'nginx': } service { 'nginx': ensure => 'running' } file { '/etc/apt/keyrings': ensure => 'directory' }" }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.to contain_service('nginx').with(ensure: 'running', enable: nil) }
  end
end
