# frozen_string_literal: true

RSpec.describe 'debonair::nginx', type: :class do
  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_class('debonair::nginx') }
  it { is_expected.to contain_package('nginx').with_ensure('installed') }
  it { is_expected.to contain_service('nginx').with(ensure: 'running', enable: true) }

  it 'removes the default site before it starts nginx' do
    is_expected.to contain_file('/etc/nginx/sites-enabled/default')
      .with_ensure('absent').that_requires('Package[nginx]').that_comes_before('Service[nginx]')
  end

  context 'when the package is declared elsewhere' do
    let(:pre_condition) { "package { 'nginx': ensure => 'installed' }" }

    it { is_expected.to compile.with_all_deps }
  end
end
