# frozen_string_literal: true

RSpec.describe 'debonair::service::absent', type: :define do
  let(:title) { 'orders' }
  let(:params) { { purge_data: false } }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_debonair__service__absent('orders') }
  it { is_expected.to contain_package('orders').with_ensure('purged') }

  %w[/etc/orders /etc/systemd/system/orders.socket.d /etc/systemd/system/orders.service.d
     /etc/systemd/system/orders-worker.service.d].each do |path|
    it { is_expected.to contain_file(path).with(ensure: 'absent', force: true, backup: false).that_requires('Package[orders]') }
  end

  it 'reloads systemd at the end, if it still has the units' do
    is_expected.to contain_exec('debonair orders: forget the units')
      .with_command(/\Asystemctl daemon-reload; systemctl reset-failed orders\.socket orders\.service orders-worker\.service/)
      .with_onlyif(/NeedDaemonReload orders\.socket orders\.service orders-worker\.service/)
      .with_provider('shell')
      .that_requires(['File[/etc/orders]', 'File[/etc/systemd/system/orders.socket.d]'])
  end

  ['/var/lib/orders', '/var/log/orders', '/run/orders'].each do |path|
    it { is_expected.not_to contain_file(path) }
  end

  it 'removes all timers of the service before the package' do
    is_expected.to contain_debonair__service__timers('orders')
      .with(timers: {}, active: false, sandbox: {}).that_comes_before('Package[orders]')
    is_expected.to contain_exec('debonair orders: remove timers that are not in Hiera')
  end

  it { is_expected.to contain_debonair__service__pin('orders').with_version('present') }
  it { is_expected.to contain_file('/etc/apt/preferences.d/debonair-orders').with_ensure('absent') }

  context 'with purge_data' do
    let(:params) { super().merge(purge_data: true) }

    it { is_expected.to compile.with_all_deps }

    ['/var/lib/orders', '/var/log/orders', '/run/orders'].each do |path|
      it { is_expected.to contain_file(path).with(ensure: 'absent', force: true, backup: false).that_requires('Package[orders]') }
    end
  end
end
