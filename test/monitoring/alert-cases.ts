/** A series of promtool: `name{labels}` and its value at every minute. */
export interface Series {
  readonly series: string;
  readonly values: string;
}

/** What makes an alert fire, and what looks much like it and must not. */
export interface AlertCase {
  readonly fires: readonly Series[];
  readonly quiet: readonly Series[];
  /** Labels of the alert that fires, besides `alertname` and `severity`. */
  readonly labels: Readonly<Record<string, string>>;
}

const always = (series: string, value: number): Series => ({ series, values: `${value}x120` });
const rising = (series: string, step: number): Series => ({ series, values: `0+${step}x120` });
const condition = (type: string, value: number): Series =>
  always(`sallyport_firewall_condition{firewall="edge-1", condition="${type}", instance="a"}`, value);
const source = (state: string, value: number): Series =>
  always(`sallyport_source_state{source="kubernetes", state="${state}", instance="a"}`, value);
const table = (what: 'entries' | 'limit', value: number): Series =>
  always(`sallyport_firewall_table_${what}{firewall="edge-1", table="rules", instance="a"}`, value);
const edge = { firewall: 'edge-1' };
const kubernetes = { source: 'kubernetes' };

/** By name of the alert; a test fails for an alert without a case. */
export const alertCases: Readonly<Record<string, AlertCase>> = {
  SallyportGone: { fires: [], quiet: [source('complete', 1)], labels: {} },
  SallyportSourceLoading: {
    fires: [source('loading', 1)],
    quiet: [source('loading', 0), source('complete', 1)],
    labels: kubernetes,
  },
  SallyportSourceFrozen: {
    fires: [source('frozen', 1)],
    quiet: [source('frozen', 0), source('loading', 1)],
    labels: kubernetes,
  },
  SallyportFirewallStalled: {
    fires: [condition('Stalled', 1)],
    quiet: [condition('Stalled', 0), condition('Waiting', 1)],
    labels: edge,
  },
  SallyportFirewallUnready: { fires: [condition('Ready', 0)], quiet: [condition('Ready', 1)], labels: edge },
  SallyportPlanWaits: { fires: [condition('Waiting', 1)], quiet: [condition('Waiting', 0)], labels: edge },
  SallyportFirewallDrifted: { fires: [condition('Drifted', 1)], quiet: [condition('Drifted', 0)], labels: edge },
  SallyportWritesRefused: {
    fires: [rising('sallyport_firewall_apply_seconds_count{firewall="edge-1", result="refused"}', 6)],
    quiet: [
      rising('sallyport_firewall_apply_seconds_count{firewall="edge-1", result="refused"}', 1),
      rising('sallyport_firewall_apply_seconds_count{firewall="edge-1", result="accepted"}', 600),
    ],
    labels: edge,
  },
  SallyportSlowToConfirm: {
    fires: [
      rising('sallyport_firewall_confirm_seconds_bucket{firewall="edge-1", le="60"}', 5),
      rising('sallyport_firewall_confirm_seconds_bucket{firewall="edge-1", le="300"}', 10),
      rising('sallyport_firewall_confirm_seconds_bucket{firewall="edge-1", le="+Inf"}', 10),
    ],
    quiet: [
      rising('sallyport_firewall_confirm_seconds_bucket{firewall="edge-1", le="1"}', 1_000),
      rising('sallyport_firewall_confirm_seconds_bucket{firewall="edge-1", le="60"}', 1_000),
      rising('sallyport_firewall_confirm_seconds_bucket{firewall="edge-1", le="+Inf"}', 1_001),
    ],
    labels: edge,
  },
  SallyportCapacityLow: {
    fires: [table('entries', 903), table('limit', 1_000)],
    quiet: [table('entries', 899), table('limit', 1_000)],
    labels: { ...edge, table: 'rules' },
  },
  SallyportFirewallFull: {
    fires: [condition('CapacityLow', 1), condition('Ready', 0)],
    // Nearly full, and late for another reason.
    quiet: [
      condition('CapacityLow', 1),
      condition('Ready', 1),
      always('sallyport_firewall_condition{firewall="edge-2", condition="CapacityLow", instance="a"}', 0),
      always('sallyport_firewall_condition{firewall="edge-2", condition="Ready", instance="a"}', 0),
    ],
    labels: edge,
  },
  SallyportConsumerLate: {
    fires: [always('sallyport_feed_consumer_late{firewall="edge-1", consumer="pa-1", instance="a"}', 1)],
    quiet: [always('sallyport_feed_consumer_late{firewall="edge-1", consumer="pa-1", instance="a"}', 0)],
    labels: { ...edge, consumer: 'pa-1' },
  },
  SallyportMistakes: {
    fires: [always('sallyport_diagnostics{severity="error", instance="a"}', 3)],
    quiet: [
      always('sallyport_diagnostics{severity="error", instance="a"}', 0),
      always('sallyport_diagnostics{severity="warning", instance="a"}', 9),
    ],
    labels: {},
  },
  SallyportHeld: {
    fires: [always('nodejs_eventloop_lag_max_seconds{instance="a"}', 2)],
    quiet: [always('nodejs_eventloop_lag_max_seconds{instance="a"}', 0.04)],
    labels: { instance: 'a' },
  },
};

const machine = { instance: 'a' };
const state = (name: string, value: number): Series =>
  always(`sallyport_machine_rules_state{state="${name}", instance="a"}`, value);
const frr = (name: string, value: number): Series =>
  always(`sallyport_machine_frr_state{state="${name}", instance="a"}`, value);
const flows = (name: string, value: number): Series =>
  always(`sallyport_machine_own_flows{state="${name}", instance="a"}`, value);
const heard = (value: number): Series =>
  always('sallyport_machine_source_heard{source="shoot", kind="Service", instance="a"}', value);
const findings = (severity: string): Series =>
  always(
    `sallyport_machine_findings{controller="cwnp", reason="CWNP_INVALID", severity="${severity}", instance="a"}`,
    1,
  );
const counted = (name: string, labels: string, step: number): Series =>
  rising(`sallyport_machine_${name}_total{${labels}, instance="a"}`, step);

/** The same of firewall machines. */
export const machineAlertCases: Readonly<Record<string, AlertCase>> = {
  SallyportMachineGone: { fires: [], quiet: [state('none', 1)], labels: {} },
  SallyportMachineOldRules: {
    fires: [state('inForce', 0), state('lastGood', 1)],
    quiet: [state('inForce', 1), state('lastGood', 0), state('none', 0), state('kept', 0)],
    labels: { ...machine, state: 'lastGood' },
  },
  SallyportMachineSourceLost: { fires: [heard(0)], quiet: [heard(1)], labels: { ...machine, source: 'shoot' } },
  SallyportMachineOwnFlow: {
    fires: [flows('refused', 1)],
    quiet: [flows('refused', 0), flows('allowedBack', 0), flows('needed', 9), flows('up', 9)],
    labels: { ...machine, state: 'refused' },
  },
  SallyportMachineRepairs: {
    fires: [counted('repairs', 'where="kernel"', 1)],
    quiet: [counted('repairs', 'where="kernel"', 0.05)],
    labels: machine,
  },
  SallyportMachineNamesRefused: {
    fires: [counted('dns_questions', 'outcome="refused"', 6)],
    quiet: [counted('dns_questions', 'outcome="answered"', 600), counted('dns_questions', 'outcome="refused"', 0)],
    labels: machine,
  },
  SallyportMachineResolverSilent: {
    fires: [counted('dns_upstream_failures', 'job="x"', 12)],
    quiet: [counted('dns_upstream_failures', 'job="x"', 2)],
    labels: machine,
  },
  SallyportMachineFrrFailed: {
    fires: [frr('failed', 1)],
    quiet: [frr('failed', 0), frr('waiting', 0), frr('absent', 1)],
    labels: { ...machine, state: 'failed' },
  },
  SallyportMachineCutOff: {
    fires: [always('sallyport_machine_bgp_sessions{instance="a"}', 0)],
    quiet: [always('sallyport_machine_bgp_sessions{instance="a"}', 1)],
    labels: machine,
  },
  SallyportMachineDropsWait: {
    fires: [always('sallyport_machine_drops_arrive{instance="a"}', 0)],
    quiet: [always('sallyport_machine_drops_arrive{instance="a"}', 1)],
    labels: machine,
  },
  SallyportMachineDutyFails: {
    fires: [counted('duties', 'duty="SSH keys", outcome="failed"', 6)],
    quiet: [
      counted('duties', 'duty="SSH keys", outcome="failed"', 0.5),
      counted('duties', 'duty="x", outcome="done"', 6),
    ],
    labels: { ...machine, duty: 'SSH keys' },
  },
  SallyportMachineSilent: {
    fires: [counted('reports', 'what="FirewallMonitor", outcome="failed"', 6)],
    quiet: [counted('reports', 'what="ids", outcome="failed"', 6)],
    labels: { ...machine, what: 'FirewallMonitor' },
  },
  SallyportMachineLeftOut: {
    fires: [findings('error')],
    quiet: [findings('warning')],
    labels: { ...machine, controller: 'cwnp', reason: 'CWNP_INVALID' },
  },
};
