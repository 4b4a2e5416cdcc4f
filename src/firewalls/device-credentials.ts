/** What a firewall lets us in by: the data of a Secret, or the mapping in a file or a variable. */
export interface DeviceCredentials {
  /** For people: `Secret sallyport/edge-a`, `file /etc/sallyport/edge-a`, `variable EDGE_A`. */
  readonly title: string;
  /** Read now, each time: whoever renews them tells nobody. Throws `DEVICE_CREDENTIALS`, and the `API_…` codes that pass. */
  read(signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}
