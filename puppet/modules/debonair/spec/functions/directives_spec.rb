# frozen_string_literal: true

RSpec.describe 'debonair::directives', type: :puppet_function do
  it { is_expected.to run.with_params({}).and_return('') }

  it 'writes a line per directive, and a list once per item' do
    is_expected.to run.with_params('Nice' => 5, 'PrivateTmp' => true, 'IPAddressAllow' => %w[10.0.0.1 10.0.0.2])
      .and_return("Nice=5\nPrivateTmp=true\nIPAddressAllow=10.0.0.1\nIPAddressAllow=10.0.0.2\n")
  end

  it { is_expected.to run.with_params('ExecStart' => 'a').and_raise_error(/expects/) }
end
