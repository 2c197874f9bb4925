# frozen_string_literal: true

RSpec.describe 'debonair::service::timers', type: :define do
  let(:title) { 'orders' }
  let(:timer) { { 'command' => ['tidy', '--all'], 'on_calendar' => 'Mon 04:00' } }
  let(:params) { { timers: { 'tidy' => timer }, active: true } }
  let(:units) { '/etc/systemd/system/orders-tidy' }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_debonair__service__timers('orders') }

  it 'writes the service, which runs the command as the user of the service' do
    is_expected.to contain_file("#{units}.service")
      .with(ensure: 'file', owner: 'root', group: 'root', mode: '0644')
      .with_content(%r{^Type=oneshot\nExecStart=/usr/bin/orders tidy --all\nUser=orders\nGroup=orders\n})
  end

  it 'writes the timer, without a delay by default' do
    is_expected.to contain_file("#{units}.timer")
      .with(ensure: 'file', owner: 'root', group: 'root', mode: '0644')
      .with_content(/^\[Timer\]\nOnCalendar=Mon 04:00\nRandomizedDelaySec=0\nPersistent=yes\n/)
  end

  it 'loads the units and then starts the timer' do
    is_expected.to contain_exec('debonair orders-tidy: systemctl daemon-reload')
      .with(command: 'systemctl daemon-reload', provider: 'shell')
      .with_onlyif('systemctl show -p NeedDaemonReload orders-tidy.service orders-tidy.timer | grep -q =yes')
      .that_requires(["File[#{units}.service]", "File[#{units}.timer]"])
      .that_comes_before('Service[orders-tidy.timer]')
  end

  it { is_expected.to contain_service('orders-tidy.timer').with(ensure: 'running', enable: true) }

  context 'with randomized_delay' do
    let(:timer) { super().merge('randomized_delay' => '5min') }

    it { is_expected.to contain_file("#{units}.timer").with_content(/^RandomizedDelaySec=5min$/) }
  end

  context 'with active false' do
    let(:params) { super().merge(active: false) }

    it { is_expected.to contain_service('orders-tidy.timer').with(ensure: 'stopped', enable: false) }
  end

  context 'with a timer that has nothing but ensure absent' do
    let(:timer) { { 'ensure' => 'absent' } }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.not_to contain_exec('debonair orders-tidy: systemctl daemon-reload') }
    it { is_expected.to contain_service('orders-tidy.timer').with(ensure: 'stopped', enable: false) }

    %w[service timer].each do |unit|
      it { is_expected.to contain_file("#{units}.#{unit}").with_ensure('absent').that_requires('Service[orders-tidy.timer]') }
    end
  end
end
