# frozen_string_literal: true

RSpec.describe 'debonair::nginx', type: :class do
  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_class('debonair::nginx') }
  it { is_expected.to contain_package('nginx').with_ensure('installed') }
  it { is_expected.to contain_file('/etc/nginx/sites-enabled/default').with_ensure('absent').that_requires('Package[nginx]') }

  it 'enables nginx at boot, and leaves its start to the sites' do
    is_expected.to contain_service('nginx').with(ensure: nil, enable: true).that_requires('Package[nginx]')
  end

  it { is_expected.to contain_file('/usr/local/lib/debonair').with(ensure: 'directory', owner: 'root', group: 'root', mode: '0755') }

  it 'writes the script that tests a site' do
    is_expected.to contain_file('/usr/local/lib/debonair/nginx-site')
      .with(ensure: 'file', owner: 'root', group: 'root', mode: '0755')
      .with_content(File.read(File.join(MODULE, 'files', 'nginx-site')))
  end

  context 'when the package and the service are declared elsewhere' do
    let(:pre_condition) do
      "package { 'nginx': ensure => 'latest' }
       service { 'nginx': ensure => 'running', hasrestart => true }"
    end

    it { is_expected.to compile.with_all_deps }
    it { is_expected.to contain_package('nginx').with_ensure('latest') }
    it { is_expected.to contain_service('nginx').with(ensure: 'running', enable: nil) }
  end
end
