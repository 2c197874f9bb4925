# frozen_string_literal: true

RSpec.describe 'debonair::repository', type: :class do
  let(:key) { "-----BEGIN PGP PUBLIC KEY BLOCK-----\nx\n" }
  let(:params) { { url: 'https://apt.example.org/debian', key: key } }
  let(:source) { '/etc/apt/sources.list.d/debonair.sources' }
  let(:update) { 'debonair: read the lists of the repository' }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_class('debonair::repository') }
  it { is_expected.to contain_class('debonair::repository::readable') }
  # Debian's apt has the directory, and other modules may declare it.
  it { is_expected.not_to contain_file('/etc/apt/keyrings') }

  it 'writes the key, readable for apt' do
    is_expected.to contain_file('/etc/apt/keyrings/debonair.asc')
      .with(ensure: 'file', owner: 'root', group: 'root', mode: '0644', content: key)
  end

  it 'writes the source, with the defaults of the module' do
    is_expected.to contain_file(source).with(ensure: 'file', owner: 'root', group: 'root', mode: '0644', content: <<~SOURCE)
      # Puppet (debonair::repository) writes this file.
      Types: deb
      URIs: https://apt.example.org/debian
      Suites: stable
      Components: main
      Signed-By: /etc/apt/keyrings/debonair.asc
    SOURCE
  end

  it 'updates the lists after the source and the key are written' do
    is_expected.to contain_exec(update)
      .with_command(/\Aapt-get update --error-on=any > \S+ 2>&1 && touch \S+ \|\| true\z/).with_provider('shell')
      .that_requires(['File[/etc/apt/sources.list.d/debonair.sources]', 'File[/etc/apt/keyrings/debonair.asc]'])
  end

  it { is_expected.to contain_exec(update).with_unless(/-mmin -60 /) }

  context 'with suite, components and max_age' do
    let(:params) { super().merge(suite: 'bookworm', components: %w[main extra], max_age: 5) }

    it { is_expected.to contain_file(source).with_content(/^Suites: bookworm\nComponents: main extra$/) }
    it { is_expected.to contain_exec(update).with_unless(/-mmin -5 /) }
  end

  {
    url: ['apt.example.org', "https://apt.example.org/\nTypes: deb-src"],
    key: ['A5B0 1234'],
    suite: ['Stable', "stable\nTrusted: yes"],
    components: [[], ['main extra']],
    max_age: [0, '60'],
  }.each do |name, values|
    values.each do |value|
      context "with #{name} #{value.inspect}" do
        let(:params) { super().merge(name => value) }

        it { is_expected.to compile.and_raise_error(/parameter '#{name}'/) }
      end
    end
  end

  %i[url key].each do |name|
    context "without #{name}" do
      let(:params) { super().reject { |key, _| key == name } }

      it { is_expected.to compile.and_raise_error(/expects a value for parameter '#{name}'/) }
    end
  end
end
