# frozen_string_literal: true

RSpec.describe 'debonair::service::timers', type: :define do
  let(:title) { 'orders' }
  let(:timer) { { 'command' => ['tidy', '--all'], 'on_calendar' => 'Mon 04:00' } }
  let(:params) { { timers: { 'tidy' => timer }, active: true, sandbox: {} } }
  let(:units) { '/etc/systemd/system/orders-tidy' }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_debonair__service__timers('orders') }

  it 'writes the service, which runs the command as the user of the service' do
    is_expected.to contain_file("#{units}.service")
      .with(ensure: 'file', owner: 'root', group: 'root', mode: '0644')
      .with_content(%r{\A# Puppet \(debonair::service orders\) writes this file\.\n})
      .with_content(%r{^Type=oneshot\nExecStart=/usr/bin/orders tidy --all\n\nUser=orders\nGroup=orders\n})
      .with_content(/^SystemCallErrorNumber=EPERM\n\z/)
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

  it 'lets systemd check the calendar event and the delay before it replaces the timer' do
    is_expected.to contain_file("#{units}.timer").with_validate_cmd(/\Asystemd-analyze calendar .* && systemd-analyze timespan /)
  end

  context 'with sandbox' do
    let(:sandbox) { { 'MemoryMax' => '512M', 'RestrictNamespaces' => true } }
    let(:params) { super().merge(sandbox: sandbox) }

    it 'applies it to the command' do
      is_expected.to contain_file("#{units}.service").with_content(/\n# The parameter sandbox\.\nMemoryMax=512M\nRestrictNamespaces=true\n\z/)
    end
  end

  context 'with a timer that has nothing but ensure absent' do
    let(:timer) { { 'ensure' => 'absent' } }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.not_to contain_file("#{units}.timer") }
  end

  describe 'the removal of timers that are not in Hiera' do
    let(:removal) { 'debonair orders: remove timers that are not in Hiera' }

    it { is_expected.to contain_exec(removal).with_command(/systemctl disable --now/).with_provider('shell') }
    it('has a command that a shell can parse') { expect(shell_parses?(catalogue.resource('Exec', removal)[:command])).to be true }

    # Returns the names of the units in `files` (name => owner) that the step removes.
    def removed(files)
      Dir.mktmpdir do |root|
        files.each { |name, owner| File.write("#{root}/#{name}", "# Puppet (debonair::service #{owner}) writes this file.\n") }
        script = catalogue.resource('Exec', removal)[:onlyif].sub('/etc/systemd/system', root)
        Open3.capture2e('/bin/sh', '-c', script).first.split
      end
    end

    it 'keeps the timers in Hiera and those of other services' do
      expect(removed('orders-tidy.timer' => 'orders', 'orders-tidy.service' => 'orders',
                     'orders-api-tidy.timer' => 'orders-api')).to eq []
    end

    it 'finds both units of a timer, and one that is left alone' do
      expect(removed('orders-old.timer' => 'orders', 'orders-old.service' => 'orders', 'orders-half.service' => 'orders',
                     'orders-tidy.timer' => 'orders')).to eq %w[orders-half orders-old]
    end

    context 'without timers' do
      let(:params) { super().merge(timers: {}) }

      it('finds all') { expect(removed('orders-tidy.timer' => 'orders')).to eq %w[orders-tidy] }
      it('finds nothing on a host without timers') { expect(removed({})).to eq [] }
    end
  end
end
