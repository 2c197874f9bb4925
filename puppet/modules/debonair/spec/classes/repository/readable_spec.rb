# frozen_string_literal: true

RSpec.describe 'debonair::repository::readable', type: :class do
  let(:pre_condition) do
    "class { 'debonair::repository':
      url => 'https://apt.example.org/debian',
      key => '-----BEGIN PGP PUBLIC KEY BLOCK-----',
    }
    class { 'debonair':
      services => { 'orders' => { 'port' => 5001 } }, secrets => Sensitive({}), manage_repository => true,
    }"
  end
  let(:step) { 'debonair: the repository can be read' }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_class('debonair::repository::readable') }

  it 'fails with the error of apt if the lists are not up to date after the update' do
    is_expected.to contain_exec(step)
      .with_command(%r{\Agrep -m 1 '\^E:' /var/log/apt/debonair-update\.log \|\| .*; exit 1\z}).with_provider('shell')
      .with_unless(/-mmin -60 /).that_requires('Exec[debonair: read the lists of the repository]')
  end

  it 'does not stop the services' do
    is_expected.not_to contain_exec(step).that_comes_before('Package[orders]')
  end
end
