import { groupSetName } from '../../firewalls/nftables/table/names.ts';

/** What an AddressGroup is called on a device, exactly as a rule there names it; empty where rules cannot. */
export function groupWords(driver: string, deviceName: string): readonly string[] {
  return driver === 'nftables' ? ([4, 6] as const).map((family) => `@${groupSetName(deviceName, family)}`) : [];
}
