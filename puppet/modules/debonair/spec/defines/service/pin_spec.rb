# frozen_string_literal: true

RSpec.describe 'debonair::service::pin', type: :define do
  let(:title) { 'orders' }
  let(:params) { { version: '1.4.2' } }
  let(:file) { '/etc/apt/preferences.d/debonair-orders' }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_debonair__service__pin('orders') }

  it 'pins the version, also against a newer one that is installed' do
    is_expected.to contain_file(file).with(ensure: 'file', owner: 'root', group: 'root', mode: '0644', content: <<~PIN)
      # Puppet (debonair::service orders) writes this file.
      Package: orders
      Pin: version 1.4.2
      Pin-Priority: 1001
    PIN
  end

  %w[present latest].each do |version|
    context "with version #{version}" do
      let(:params) { { version: version } }

      it { is_expected.to contain_file(file).with_ensure('absent') }
    end
  end
end
