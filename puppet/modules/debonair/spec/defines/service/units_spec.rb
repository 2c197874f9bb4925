# frozen_string_literal: true

RSpec.describe 'debonair::service::units', type: :define do
  let(:title) { 'orders' }
  let(:params) { { port: :undef, socket: :undef, sandbox: {}, worker: {} } }
  let(:header) { "# Puppet (debonair::service orders) writes this file.\n" }
  let(:socket) { '/etc/systemd/system/orders.socket.d/puppet.conf' }
  let(:service) { '/etc/systemd/system/orders.service.d/puppet.conf' }
  let(:of_worker) { '/etc/systemd/system/orders-worker.service.d/puppet.conf' }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_debonair__service__units('orders') }

  %w[orders.socket orders.service orders-worker.service].each do |unit|
    it 'keeps the directory, whose time shows that a drop-in was removed' do
      is_expected.to contain_file("/etc/systemd/system/#{unit}.d")
        .with(ensure: 'directory', owner: 'root', group: 'root', mode: '0755')
    end

    it { is_expected.to contain_file("/etc/systemd/system/#{unit}.d/puppet.conf").with_ensure('absent') }
  end

  context 'with port' do
    let(:params) { super().merge(port: 5001) }

    it 'listens on it and nowhere else' do
      is_expected.to contain_file(socket).with(ensure: 'file', owner: 'root', group: 'root', mode: '0644')
        .with_content("#{header}[Socket]\nListenStream=\nListenStream=127.0.0.1:5001\n")
    end

    it { is_expected.to contain_file(service).with_ensure('absent') }
  end

  context 'with socket' do
    let(:params) { super().merge(socket: '/run/orders/http.sock') }

    it 'listens on it, open for the service and www-data' do
      is_expected.to contain_file(socket).with_content(<<~UNIT)
        #{header.chomp}
        [Socket]
        ListenStream=
        ListenStream=/run/orders/http.sock
        SocketUser=orders
        SocketGroup=www-data
        SocketMode=0660
        RemoveOnStop=yes
      UNIT
    end
  end

  context 'with sandbox' do
    let(:params) { super().merge(sandbox: { 'Nice' => 5, 'PrivateTmp' => true, 'IPAddressAllow' => %w[10.0.0.1 10.0.0.2] }) }

    it 'writes each directive, and a list once per item' do
      is_expected.to contain_file(service).with(ensure: 'file', owner: 'root', group: 'root', mode: '0644')
        .with_content("#{header}[Service]\nNice=5\nPrivateTmp=true\nIPAddressAllow=10.0.0.1\nIPAddressAllow=10.0.0.2\n")
    end

    it { is_expected.to contain_file(socket).with_ensure('absent') }
    it { is_expected.to contain_file(of_worker).with_ensure('absent') }
  end

  context 'with worker' do
    let(:params) { super().merge(worker: { 'MemoryMax' => '2G' }) }

    it { is_expected.to contain_file(service).with_ensure('absent') }

    it 'writes each directive into the drop-in of the worker' do
      is_expected.to contain_file(of_worker).with(ensure: 'file', owner: 'root', group: 'root', mode: '0644')
        .with_content("#{header}[Service]\nMemoryMax=2G\n")
    end
  end
end
