# frozen_string_literal: true

RSpec.describe 'debonair::service::install', type: :define do
  let(:title) { 'orders' }
  let(:params) { { version: 'present', config: {}, secrets: sensitive({}) } }
  let(:file) { '/etc/orders/config.ini' }
  let(:header) { "# Puppet (debonair::service orders) writes this file; other changes are lost.\n\n" }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_debonair__service__install('orders') }
  it { is_expected.to contain_package('orders').with_ensure('present') }
  it { is_expected.not_to contain_exec('debonair orders: look for version 1.4.2') }

  it 'tells the package that Puppet migrates and restarts, before it is installed' do
    is_expected.to contain_exec('debonair orders: tell the package who manages it')
      .with(creates: '/etc/orders/managed', command: %r{echo Puppet > /etc/orders/managed\z}, provider: 'shell')
      .that_comes_before('Package[orders]')
  end

  it 'waits for other processes that install packages' do
    is_expected.to contain_package('orders').with_install_options(['-o', 'DPkg::Lock::Timeout=300'])
  end

  it 'finishes what a killed dpkg has begun, before the package is installed' do
    is_expected.to contain_exec('debonair orders: finish what dpkg has begun')
      .with(command: /dpkg .*--configure -a\z/, returns: [0, 1], tries: 30, try_sleep: 10)
      .with_onlyif(%r{ls -A /var/lib/dpkg/updates.*dpkg --audit orders}).that_comes_before('Package[orders]')
  end

  it 'removes drafts of the configuration, which a killed run leaves' do
    is_expected.to contain_tidy('/etc/orders').with(recurse: 1, matches: ['config.ini[0-9]*'], backup: false)
  end

  it 'writes the directory of the configuration after the package, which makes the group' do
    is_expected.to contain_file('/etc/orders')
      .with(ensure: 'directory', owner: 'root', group: 'orders', mode: '0750').that_requires('Package[orders]')
  end

  it 'lets the service check the configuration under its name before it is replaced' do
    is_expected.to contain_file(file)
      .with(ensure: 'file', owner: 'root', group: 'orders', mode: '0640', backup: false, content: header)
      .with_validate_cmd('/usr/bin/orders check-config --as /etc/orders/config.ini %')
      .that_requires('File[/etc/orders]')
  end

  context 'with config' do
    let(:params) { super().merge(config: { 'log' => { 'level' => 'INFO' } }) }

    it { is_expected.to contain_file(file).with_content("#{header}[log]\nlevel = INFO\n") }

    it 'shows the difference in the report' do
      expect(catalogue.resource('File', file).sensitive_parameters).to eq []
    end
  end

  context 'with secrets' do
    let(:params) do
      super().merge(config: { 'orders' => { 'size' => 1, 'api_token' => 'old' } },
                    secrets: sensitive('orders' => { 'api_token' => 'x' }))
    end

    it 'lets them win over config' do
      is_expected.to contain_file(file).with_content(sensitive("#{header}[orders]\nsize = 1\napi_token = x\n"))
    end

    it 'keeps the content out of the report' do
      expect(catalogue.resource('File', file).sensitive_parameters).to eq [:content]
    end
  end

  %w[latest 1.4.2].each do |version|
    context "with version #{version}" do
      let(:params) { super().merge(version: version) }

      it { is_expected.to contain_package('orders').with_ensure(version) }
    end
  end

  context 'with a version' do
    let(:params) { super().merge(version: '1.4.2') }
    let(:update) { catalogue.resource('Exec', 'debonair orders: look for version 1.4.2') }

    it 'updates the lists of apt before the package is installed' do
      is_expected.to contain_exec('debonair orders: look for version 1.4.2')
        .with(command: 'apt-get update --error-on=any', provider: 'shell').that_comes_before('Package[orders]')
    end

    # Runs the condition against a repository that has `versions`, on a host with the version `installed`.
    def skipped?(versions, installed: nil)
      Dir.mktmpdir do |root|
        apt = make_apt(root, versions)
        answer = installed ? "printf 'ii #{installed}'" : 'exit 1'
        File.write("#{root}/dpkg-query", "#!/bin/sh\n#{answer}\n", perm: 0o755)
        environment = { 'APT_CONFIG' => apt, 'PATH' => "#{root}:#{ENV.fetch('PATH')}" }
        made, updated = Open3.capture2e(environment, 'apt-get', 'update')
        raise made unless updated.success?
        Open3.capture2e(environment, '/bin/sh', '-c', update[:unless]).last.success?
      end
    end

    # Makes an apt of its own below `root`, with one repository; returns its configuration.
    def make_apt(root, versions)
      %w[state/lists/partial cache/archives/partial repository].each { |path| FileUtils.mkdir_p("#{root}/#{path}") }
      packages = versions.map do |version|
        "Package: orders\nVersion: #{version}\nArchitecture: all\nFilename: ./orders_#{version}.deb\nSize: 1\n" \
          "SHA256: #{'0' * 64}\n"
      end
      File.write("#{root}/repository/Packages", packages.join("\n"))
      File.write("#{root}/status", '')
      File.write("#{root}/sources.list", "deb [trusted=yes] file:#{root}/repository ./\n")
      File.write("#{root}/apt.conf", <<~CONFIG)
        Dir::State "#{root}/state";
        Dir::State::status "#{root}/status";
        Dir::Cache "#{root}/cache";
        Dir::Etc::sourcelist "#{root}/sources.list";
        Dir::Etc::sourceparts "/dev/null";
        APT::Sandbox::User "";
      CONFIG
      "#{root}/apt.conf"
    end

    it('updates if apt knows only other versions') { expect(skipped?(%w[1.4.1 1.4.20 11.4.2 1x4.2])).to be false }
    it('updates if apt does not know the package') { expect(skipped?([])).to be false }
    it('updates if another version is installed') { expect(skipped?(['1.4.1'], installed: '1.4.20')).to be false }
    it('does not update if apt knows the version') { expect(skipped?(%w[1.4.1 1.4.2])).to be true }
    it('does not update if it is installed') { expect(skipped?([], installed: '1.4.2')).to be true }
  end
end
