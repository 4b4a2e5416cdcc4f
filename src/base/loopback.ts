/** Whether only this machine reaches what listens on a host: `127.0.0.0/8`, `::1`, `localhost`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
