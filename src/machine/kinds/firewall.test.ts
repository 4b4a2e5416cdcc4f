import { expect, test } from 'vitest';
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
