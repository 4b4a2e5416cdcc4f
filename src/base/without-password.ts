/**
 * An address as it may stand in a message: people write what lets them in before the `@`, and logs and statuses are read by many. Where the
 * scheme is HTTP's all of that can be a secret, else what follows the colon.
 */
export function withoutPassword(text: string): string {
  return text.replace(/^(https?:\/\/).*@/is, '$1…@').replace(/^([a-z]*:\/\/[^:@]*):.*@/is, '$1:…@');
}
