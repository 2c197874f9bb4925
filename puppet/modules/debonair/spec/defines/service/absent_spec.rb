# frozen_string_literal: true

RSpec.describe 'debonair::service::absent', type: :define do
  let(:title) { 'orders' }
  let(:params) { { timers: {}, purge_data: false } }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_debonair__service__absent('orders') }
  it { is_expected.to contain_package('orders').with_ensure('purged') }

  ['/etc/orders', '/etc/systemd/system/orders.socket.d', '/etc/systemd/system/orders.service.d'].each do |path|
    it { is_expected.to contain_file(path).with(ensure: 'absent', force: true, backup: false).that_requires('Package[orders]') }
  end

  it 'reloads systemd at the end, if it still has the units' do
    is_expected.to contain_exec('debonair orders: forget the units')
      .with_command(/\Asystemctl daemon-reload; systemctl reset-failed 'orders\*'/)
      .with_onlyif(/NeedDaemonReload orders\.service orders\.socket/)
      .with_provider('shell')
      .that_requires(['File[/etc/orders]', 'File[/etc/systemd/system/orders.socket.d]'])
  end

  ['/var/lib/orders', '/var/log/orders', '/run/orders'].each do |path|
    it { is_expected.not_to contain_file(path) }
  end

  context 'with timers' do
    let(:params) { super().merge(timers: { 'tidy' => { 'command' => ['tidy'], 'on_calendar' => 'daily' } }) }

    it { is_expected.to compile.with_all_deps }

    it 'stops a timer before it removes its units, and those before the package' do
      is_expected.to contain_service('orders-tidy.timer').with(ensure: 'stopped', enable: false)
      %w[timer service].each do |unit|
        is_expected.to contain_file("/etc/systemd/system/orders-tidy.#{unit}")
          .with_ensure('absent').that_requires('Service[orders-tidy.timer]').that_comes_before('Package[orders]')
      end
    end
  end

  context 'with purge_data' do
    let(:params) { super().merge(purge_data: true) }

    it { is_expected.to compile.with_all_deps }

    ['/var/lib/orders', '/var/log/orders', '/run/orders'].each do |path|
      it { is_expected.to contain_file(path).with(ensure: 'absent', force: true, backup: false).that_requires('Package[orders]') }
    end
  end
end
