import { describe, expect, test } from 'vitest';
import { firewall, smallMachine } from '../../../test/kit/machine.ts';

test.each([
  ['a key with the line break that `ssh-keygen` ends it with', '["ssh-ed25519 AAAA a\\n"]', ['ssh-ed25519 AAAA a']],
  ['several keys in one text', '["ssh-ed25519 AAAA a\\r\\n\\nssh-ed25519 BBBB b\\r\\n", "ssh-rsa C"]', 3],
  ['a comment of any letters', '["ssh-ed25519 AAAA jürgen@haus"]', ['ssh-ed25519 AAAA jürgen@haus']],
])('SSH keys: %s counts', (_, keys, expected) => {
  const { input, said } = smallMachine(firewall(`{ sshPublicKeys: ${keys} }`));
  if (typeof expected === 'number') expect(input.firewall.sshKeys).toHaveLength(expected);
  else expect(input.firewall.sshKeys).toEqual(expected);
  expect(said).toEqual([]);
});

test('SSH keys: what is no key is left out alone, and told', () => {
  const { input, said } = smallMachine(
    firewall('{ sshPublicKeys: ["ssh-ed25519 AAAA a\\u0000", "\\n", 7, "ssh-ed25519 BBBB b"] }'),
  );
  expect(input.firewall.sshKeys).toEqual(['ssh-ed25519 BBBB b']);
  expect(said).toMatchInlineSnapshot(`
    [
      "error FIELD_INVALID Firewall/seed/fw-1 spec.sshPublicKeys[0]: "ssh-ed25519 AAAA a\\u0000" is no SSH key; write one as in authorized_keys. This entry is left out.",
      "error FIELD_INVALID Firewall/seed/fw-1 spec.sshPublicKeys[1]: "\\n" is no SSH key; write one as in authorized_keys. This entry is left out.",
      "error FIELD_INVALID Firewall/seed/fw-1 spec.sshPublicKeys[2]: this is 7 and has to be text; put it in quotes. This entry is left out.",
    ]
  `);
});

describe('the rule file', () => {
  const readFile = (written: string) => {
    const { input, said } = smallMachine(firewall(`{ ipv4RuleFile: ${written} }`));
    return { file: input.firewall.ruleFile, said };
  };

  test.each(['/etc/nftables/other.v4', '/etc/nftables/.d/other.v4', '/x'])('is written to %s', (file) => {
    expect(readFile(file)).toEqual({ file, said: [] });
  });

  test.each(['""', 'null'])('is the default one where it is %s', (written) => {
    expect(readFile(written)).toEqual({ file: undefined, said: [] });
  });

  test.each([
    ['a relative path', 'etc/nftables/other.v4'],
    ['a name that nftables does not load', '/etc/nftables/.other.v4'],
    ['a folder', '/etc/nftables/'],
    ['a space', '"/etc/nftables/other v4"'],
    ['a line break', '"/etc/nftables/other.v4\\n"'],
    ['letters beyond ASCII', '/etc/nftables/ö.v4'],
    ['only the root', '/'],
    ['a number', '7'],
    ['a list', '[/etc/nftables/other.v4]'],
  ])('is the default one, and that is told, for %s', (_, written) => {
    const { file, said } = readFile(written);
    expect(file).toBeUndefined();
    expect(said).toEqual([
      expect.stringMatching(
        /^error FIELD_INVALID Firewall\/seed\/fw-1 spec\.ipv4RuleFile: .* is no absolute path to a file that nftables loads\. The default file is used\.$/,
      ),
    ]);
  });
});

describe('the port of the DNS proxy', () => {
  const readPort = (written: string) => {
    const { input, said } = smallMachine(firewall(`{ dnsPort: ${written} }`));
    return { port: input.firewall.dnsPort, said };
  };

  test.each([
    ['1', 1],
    ['1053', 1_053],
    ['65535', 65_535],
    ['0', undefined],
    ['null', undefined],
  ])('%s is %s', (written, port) => {
    expect(readPort(written)).toEqual({ port, said: [] });
  });

  test.each(['65536', '-1', '1.5', 'domain', '""', '[53]', 'true'])('%s is 53, and told', (written) => {
    const { port, said } = readPort(written);
    expect(port).toBeUndefined();
    expect(said).toEqual([
      expect.stringMatching(
        /^error FIELD_INVALID Firewall\/seed\/fw-1 spec\.dnsPort: .* is not a port; use 1 to 65535\. Port 53 is used\.$/,
      ),
    ]);
  });
});

describe('programs that are asked for', () => {
  const readProgram = (spec: string) => {
    const { input, said } = smallMachine(firewall(`{ ${spec} }`));
    return { ...input.firewall, said };
  };
  const url = 'https://images.example.org/firewall-controller/v2.5.0/firewall-controller';

  test('by version and place, the controller and the exporter by their own', () => {
    const read = readProgram(
      `controllerVersion: v2.5.0, controllerURL: "${url}", nftablesExporterVersion: v1.0+b_1, nftablesExporterURL: "http://x/y"`,
    );
    expect(read.controller).toEqual({ version: 'v2.5.0', url });
    expect(read.nftablesExporter).toEqual({ version: 'v1.0+b_1', url: 'http://x/y' });
    expect(read.said).toEqual([]);
  });

  test.each([
    [`controllerURL: "${url}"`, { version: undefined, url }],
    [`controllerURL: "${url}", controllerVersion: ""`, { version: undefined, url }],
    [`controllerURL: "${url}", controllerVersion: null`, { version: undefined, url }],
    ['controllerVersion: v2.5.0', undefined],
    ['controllerVersion: v2.5.0, controllerURL: ""', undefined],
    ['', undefined],
  ])('%s', (spec, expected) => {
    const { controller, said } = readProgram(spec);
    expect([controller, said]).toEqual([expected, []]);
  });

  // A version that cannot be read is not none at all: whatever stands at the place would be taken.
  test.each([
    ['controllerVersion', `controllerURL: "${url}", controllerVersion: "v2 5"`],
    ['controllerVersion', `controllerURL: "${url}", controllerVersion: 2.5`],
    ['controllerVersion', `controllerURL: "${url}", controllerVersion: "v2/../x"`],
    ['controllerVersion', `controllerURL: "${url}", controllerVersion: "v2\\n"`],
    ['controllerVersion', `controllerURL: "${url}", controllerVersion: "${'1'.repeat(129)}"`],
    ['controllerURL', 'controllerVersion: v2, controllerURL: "file:///etc/shadow"'],
    ['controllerURL', 'controllerVersion: v2, controllerURL: images.example.org/x'],
    ['controllerURL', 'controllerVersion: v2, controllerURL: "https://"'],
    ['controllerURL', 'controllerVersion: v2, controllerURL: "https://x/a b"'],
    ['controllerURL', 'controllerVersion: v2, controllerURL: "https://x/a\\n"'],
    ['controllerURL', 'controllerVersion: v2, controllerURL: 7'],
  ])('nothing is replaced for %s in { %s }, and that is told', (field, spec) => {
    const { controller, said } = readProgram(spec);
    expect(controller).toBeUndefined();
    expect(said).toEqual([
      expect.stringMatching(
        new RegExp(
          `^error FIELD_INVALID Firewall/seed/fw-1 spec\\.${field}: .* cannot be used here\\. Nothing is replaced\\.$`,
        ),
      ),
    ]);
  });
});
