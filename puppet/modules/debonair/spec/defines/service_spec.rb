# frozen_string_literal: true

RSpec.describe 'debonair::service', type: :define do
  let(:title) { 'orders' }
  let(:params) { { port: 5000 } }

  on_each_release do |release, facts|
    context "on #{release}" do
      let(:facts) { facts }

      it { is_expected.to compile.with_all_deps }

      context 'with every parameter' do
        let(:params) do
          {
            ensure: 'present', version: '1.4.2', config: { 'log' => { 'level' => 'INFO' } },
            secrets: sensitive('orders' => { 'api_token' => 'x' }), port: 5001,
            nginx: { 'server_name' => ['orders.example.org'] }, migrate: true, on_config: 'nothing', health_tries: 5,
            timers: { 'tidy' => { 'command' => ['tidy'], 'on_calendar' => 'daily' } },
            sandbox: { 'MemoryMax' => '512M' }, worker: { 'MemoryMax' => '2G' }, service_ensure: 'running',
            purge_data: false
          }
        end

        it { is_expected.to compile.with_all_deps }
      end
    end
  end

  context 'with defaults' do
    it { is_expected.to contain_debonair__service('orders') }
    it { is_expected.to contain_debonair__service__units('orders').with(port: 5000, socket: nil, sandbox: {}, worker: {}) }
    it { is_expected.to contain_debonair__service__install('orders').with(version: 'present', config: {}) }
    it { is_expected.to contain_debonair__service__install('orders').with_secrets(sensitive({})) }

    it 'runs, migrates and restarts' do
      is_expected.to contain_debonair__service__run('orders')
        .with(ensure: 'running', migrate: true, on_config: 'restart', health_tries: 30, worker: true)
    end

    it { is_expected.to contain_debonair__service__timers('orders').with(timers: {}, active: true, sandbox: {}) }
    it { is_expected.to contain_debonair__service__nginx('orders').with(site: nil, backend: '127.0.0.1:5000') }
    it { is_expected.not_to contain_debonair__service__absent('orders') }

    it 'goes from the units to the package, the process, the timers and nginx' do
      is_expected.to contain_debonair__service__units('orders').that_comes_before('Debonair::Service::Install[orders]')
      is_expected.to contain_debonair__service__install('orders').that_comes_before('Debonair::Service::Run[orders]')
      is_expected.to contain_debonair__service__run('orders').that_comes_before('Debonair::Service::Nginx[orders]')
      is_expected.to contain_debonair__service__run('orders').that_comes_before('Debonair::Service::Timers[orders]')
      is_expected.to contain_debonair__service__pin('orders').that_comes_before('Debonair::Service::Install[orders]')
    end
  end

  context 'with ensure absent' do
    let(:timers) { { 'tidy' => { 'command' => ['tidy'], 'on_calendar' => 'daily' } } }
    let(:params) { { ensure: 'absent', nginx: true, timers: timers } }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.to contain_debonair__service__absent('orders').with_purge_data(false) }
    it { is_expected.not_to contain_debonair__service__install('orders') }
    it { is_expected.not_to contain_debonair__service__run('orders') }

    it 'removes the site before the service' do
      is_expected.to contain_debonair__service__nginx('orders')
        .with_site(nil).that_comes_before('Debonair::Service::Absent[orders]')
    end

    context 'with purge_data' do
      let(:params) { super().merge(purge_data: true) }

      it { is_expected.to contain_debonair__service__absent('orders').with_purge_data(true) }
    end
  end

  context 'with version' do
    let(:params) { super().merge(version: '1.4.2') }

    it { is_expected.to contain_debonair__service__install('orders').with_version('1.4.2') }
    it { is_expected.to contain_debonair__service__pin('orders').with_version('1.4.2') }
  end

  context 'with config' do
    let(:params) { super().merge(config: { 'server' => { 'workers' => 2 } }) }

    it { is_expected.to contain_debonair__service__install('orders').with_config('server' => { 'workers' => 2 }) }
  end

  context 'with secrets' do
    let(:params) { super().merge(secrets: sensitive('orders' => { 'api_token' => 'x' })) }

    it { is_expected.to contain_debonair__service__install('orders').with_secrets(sensitive('orders' => { 'api_token' => 'x' })) }
  end

  context 'with port' do
    let(:params) { { port: 5001 } }

    it { is_expected.to contain_debonair__service__units('orders').with_port(5001) }
    it { is_expected.to contain_debonair__service__nginx('orders').with_backend('127.0.0.1:5001') }
  end

  context 'with socket' do
    let(:params) { { socket: '/run/orders/http.sock' } }

    it { is_expected.to contain_debonair__service__units('orders').with_socket('/run/orders/http.sock') }
    it { is_expected.to contain_debonair__service__nginx('orders').with_backend('unix:/run/orders/http.sock') }
  end

  { true => {}, { 'timeout' => 5 } => { 'timeout' => 5 } }.each do |nginx, site|
    context "with nginx #{nginx}" do
      let(:params) { super().merge(nginx: nginx) }

      it { is_expected.to contain_debonair__service__nginx('orders').with_site(site) }
    end
  end

  context 'with migrate false' do
    let(:params) { super().merge(migrate: false) }

    it { is_expected.to contain_debonair__service__run('orders').with_migrate(false) }
  end

  context 'with on_config nothing' do
    let(:params) { super().merge(on_config: 'nothing') }

    it { is_expected.to contain_debonair__service__run('orders').with_on_config('nothing') }
  end

  context 'with health_tries' do
    let(:params) { super().merge(health_tries: 5) }

    it { is_expected.to contain_debonair__service__run('orders').with_health_tries(5) }
  end

  context 'with timers' do
    let(:params) { super().merge(timers: { 'tidy' => { 'command' => ['tidy'], 'on_calendar' => 'daily' } }) }

    it { is_expected.to contain_debonair__service__timers('orders').with_timers(params[:timers]) }
  end

  context 'with sandbox' do
    let(:params) { super().merge(sandbox: { 'MemoryMax' => '512M' }) }

    it { is_expected.to contain_debonair__service__units('orders').with_sandbox('MemoryMax' => '512M') }
    it { is_expected.to contain_debonair__service__timers('orders').with_sandbox('MemoryMax' => '512M') }
  end

  context 'with a sandbox that ends a process' do
    let(:kept) { { 'IPAddressDeny' => 'any' } }
    let(:params) { super().merge(sandbox: kept.merge('TimeoutStopSec' => 5, 'RuntimeMaxSec' => 60, 'Restart' => 'no')) }

    it 'has it for the service, and not for the worker and the timers' do
      is_expected.to contain_debonair__service__units('orders').with(sandbox: params[:sandbox], worker: kept)
      is_expected.to contain_debonair__service__timers('orders').with_sandbox(kept)
    end
  end

  context 'with worker' do
    let(:params) { super().merge(sandbox: { 'MemoryMax' => '512M', 'Nice' => 5 }, worker: { 'MemoryMax' => '2G', 'TimeoutStopSec' => 9 }) }

    it 'has directives that win over those of the sandbox' do
      is_expected.to contain_debonair__service__units('orders')
        .with_worker('MemoryMax' => '2G', 'Nice' => 5, 'TimeoutStopSec' => 9)
      is_expected.to contain_debonair__service__run('orders').with_worker(true)
    end
  end

  context 'with worker false' do
    let(:params) { super().merge(worker: false) }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.to contain_debonair__service__run('orders').with_worker(false) }
  end

  context 'with a timer that has the name of the worker' do
    let(:params) { super().merge(timers: { 'worker' => { 'command' => ['tidy'], 'on_calendar' => 'daily' } }) }

    it { is_expected.to compile.and_raise_error(/no timer can be named worker: orders-worker\.service is the unit of the worker/) }
  end

  context 'with service_ensure stopped' do
    let(:params) { super().merge(service_ensure: 'stopped') }

    it { is_expected.to contain_debonair__service__run('orders').with_ensure('stopped') }
    it { is_expected.to contain_debonair__service__timers('orders').with_active(false) }
  end

  context 'with port and socket' do
    let(:params) { { port: 5001, socket: '/run/orders/http.sock' } }

    it { is_expected.to compile.and_raise_error(/orders: port and socket exclude each other: give one of them/) }
  end

  context 'without port and socket' do
    let(:params) { {} }

    it 'says where the port of the package is' do
      is_expected.to compile.and_raise_error(%r{orders: give it a port, or a socket\. puppet/orders\.yaml .* /usr/share/orders/facts\.json})
    end
  end

  context 'with an invalid title' do
    let(:title) { 'Orders' }

    it { is_expected.to compile.and_raise_error(/Debonair::Name/) }
  end

  {
    ensure: 'installed',
    version: '1.0; reboot',
    config: { 'a b' => {} },
    secrets: { 'orders' => { 'api_token' => 'x' } },
    port: 80,
    socket: '/tmp/http.sock',
    nginx: { 'servername' => ['a'] },
    migrate: 'yes',
    on_config: 'reload',
    health_tries: 0,
    timers: { 'Tidy' => { 'command' => ['tidy'], 'on_calendar' => 'daily' } },
    sandbox: { 'MemorMax' => '512M' },
    worker: { 'MemorMax' => '512M' },
    service_ensure: 'present',
    purge_data: 'yes',
  }.each do |name, value|
    context "with #{name} #{value.inspect}" do
      let(:params) { { name => value } }

      it { is_expected.to compile.and_raise_error(/parameter '#{name}'/) }
    end
  end
end
