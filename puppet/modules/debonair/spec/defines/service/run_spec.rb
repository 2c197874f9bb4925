# frozen_string_literal: true

RSpec.describe 'debonair::service::run', type: :define do
  let(:title) { 'orders' }
  let(:params) { { ensure: 'running', migrate: true, on_config: 'restart', health_tries: 30, worker: true } }
  let(:migrate) { 'debonair orders: db upgrade' }
  let(:check) { 'debonair orders: check' }
  let(:restart) { 'debonair orders: restart' }
  let(:health) { 'debonair orders: health' }
  let(:check_worker) { 'debonair orders: check the worker' }
  let(:restart_worker) { 'debonair orders: restart the worker' }
  let(:health_worker) { 'debonair orders: health of the worker' }
  let(:enable_worker) { 'debonair orders: enable the worker' }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_debonair__service__run('orders') }

  it 'migrates with the settings of the unit, unless the database is current, before the check' do
    is_expected.to contain_exec(migrate)
      .with(command: '/usr/lib/orders/in-unit db upgrade', cwd: '/', umask: '0027', timeout: 3600)
      .with_environment(['HOME=/var/lib/orders', 'LANG=C.UTF-8'])
      .that_comes_before(["Exec[#{check}]", 'Service[orders.socket]'])
  end

  # Runs a condition on a host where `in-unit` exits with `code`.
  def condition(text, code)
    Dir.mktmpdir do |root|
      File.write("#{root}/in-unit", "#!/bin/sh\nexit #{code}\n", perm: 0o755)
      system('/bin/sh', '-c', text.gsub('/usr/lib/orders/in-unit', "#{root}/in-unit"))
    end
  end

  { 0 => 'has every migration', 3 => 'was migrated by another version' }.each do |code, state|
    it "does not migrate if the database #{state}" do
      expect(condition(catalogue.resource('Exec', migrate)[:unless], code)).to be true
    end
  end

  { 1 => 'lacks migrations', 226 => 'cannot be read in the sandbox' }.each do |code, state|
    it "migrates if the database #{state}" do
      expect(condition(catalogue.resource('Exec', migrate)[:unless], code)).to be false
    end
  end

  it 'checks with the settings of the unit that the new process starts before it stops the old one' do
    is_expected.to contain_exec(check)
      .with(command: '/usr/lib/orders/in-unit serve --check >/dev/null', logoutput: true)
      .with_unless(catalogue.resource('Exec', restart)[:unless])
      .that_comes_before("Exec[#{restart}]")
    is_expected.to contain_exec(restart)
      .with_command(/systemctl restart orders\.service/).that_comes_before("Exec[#{health}]")
  end

  it 'checks that a new port is free before it closes the old one' do
    is_expected.to contain_exec(restart)
      .with_command(/port \$port is in use: choose another port for orders.*systemctl stop orders\.service orders\.socket/m)
  end

  it 'restarts unless version, configuration and units of the running process are current' do
    is_expected.to contain_exec(restart)
      .with_unless(%r{^systemctl is-active --quiet orders\.service orders\.socket &&\n/usr/bin/orders running &&\n})
      .with_unless(%r{find /etc/systemd/system/orders\.\$unit\.d -newermt})
  end

  it 'has scripts that the shell can parse' do
    script = catalogue.resource('Exec', restart)
    expect(shell_parses?(script[:command])).to be true
    expect(shell_parses?(script[:unless])).to be true
  end

  it 'waits until the service is healthy, before it is enabled' do
    is_expected.to contain_exec(health)
      .with(command: '/usr/bin/orders health', unless: 'test -x /usr/bin/orders && /usr/bin/orders health', tries: 30, try_sleep: 1)
      .that_comes_before('Service[orders.service]')
  end

  %w[orders.socket orders.service].each do |unit|
    it { is_expected.to contain_service(unit).with(ensure: 'running', enable: true) }
  end

  context 'with worker' do
    let(:has_worker) { %(grep -qsF '"orders-worker.service"' /usr/share/orders/facts.json) }

    it 'checks it with the settings of its unit before anything is stopped' do
      is_expected.to contain_exec(check_worker)
        .with(command: '/usr/lib/orders/in-unit --role worker worker --check >/dev/null', logoutput: true)
        .with_unless(catalogue.resource('Exec', restart_worker)[:unless])
        .that_comes_before("Exec[#{restart}]").that_requires("Exec[#{check}]")
    end

    it 'restarts it after the service, unless it is current, and gives its jobs the time that they may have' do
      is_expected.to contain_exec(restart_worker)
        .with(command: 'systemctl daemon-reload && systemctl restart orders-worker.service', timeout: 3900)
        .with_unless(%r{^systemctl is-active --quiet orders-worker\.service &&\n/usr/bin/orders running --role worker &&\n})
        .with_unless(%r{find /etc/systemd/system/orders-worker\.service\.d -newermt})
        .that_requires("Exec[#{restart}]").that_comes_before("Exec[#{health}]")
      expect(shell_parses?(catalogue.resource('Exec', restart_worker)[:unless])).to be true
    end

    it 'waits until it is healthy, before it is enabled' do
      is_expected.to contain_exec(health_worker)
        .with(command: '/usr/bin/orders health --role worker', unless: 'test -x /usr/bin/orders && /usr/bin/orders health --role worker', tries: 30, try_sleep: 1)
        .that_requires("Exec[#{health}]").that_comes_before("Exec[#{enable_worker}]")
      is_expected.to contain_exec(enable_worker)
        .with(command: 'systemctl enable orders-worker.service', unless: 'systemctl is-enabled --quiet orders-worker.service')
    end

    it 'does nothing where the package has no worker' do
      [check_worker, restart_worker, health_worker, enable_worker].each do |step|
        is_expected.to contain_exec(step).with_onlyif(has_worker)
      end
      is_expected.not_to contain_service('orders-worker.service')
    end
  end

  context 'with worker false' do
    let(:params) { super().merge(worker: false) }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.to contain_exec(restart) }
    it { is_expected.not_to contain_exec(check_worker) }
    it { is_expected.not_to contain_exec(restart_worker) }
    it { is_expected.to contain_service('orders-worker.service').with(ensure: 'stopped', enable: false) }
  end

  context 'with migrate false' do
    let(:params) { super().merge(migrate: false) }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.not_to contain_exec(migrate) }
  end

  context 'with on_config nothing' do
    let(:params) { super().merge(on_config: 'nothing') }

    it { is_expected.to contain_exec(restart).with_unless('systemctl is-active --quiet orders.service') }
    it { is_expected.to contain_exec(restart_worker).with_unless('systemctl is-active --quiet orders-worker.service') }
  end

  context 'with health_tries' do
    let(:params) { super().merge(health_tries: 5) }

    it { is_expected.to contain_exec(health).with_tries(5) }
    it { is_expected.to contain_exec(health_worker).with_tries(5) }
  end

  context 'with ensure stopped' do
    let(:params) { super().merge(ensure: 'stopped') }

    it { is_expected.to compile.with_all_deps }
    it { is_expected.not_to contain_exec(check) }
    it { is_expected.not_to contain_exec(restart) }
    it { is_expected.not_to contain_exec(health) }
    it { is_expected.not_to contain_exec(restart_worker) }

    it 'lets the worker finish its jobs before the service stops' do
      is_expected.to contain_service('orders-worker.service').that_comes_before('Service[orders.service]')
    end

    %w[orders.socket orders.service orders-worker.service].each do |unit|
      it { is_expected.to contain_service(unit).with(ensure: 'stopped', enable: false) }
    end
  end
end
