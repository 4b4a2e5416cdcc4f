import { Counter, type CounterConfiguration, Gauge, type GaugeConfiguration } from 'prom-client';

/** One series: its labels and its value. */
export type Row<Label extends string> = readonly [Readonly<Partial<Record<Label, string>>>, number];

type Rows<Label extends string> = () => Iterable<Row<Label>>;

/** A gauge whose series are asked for when somebody collects them; what is not told any more is gone. */
export class CollectedGauge<Label extends string> extends Gauge<Label> {
  rows: Rows<Label> | undefined;

  constructor(configuration: Omit<GaugeConfiguration<Label>, 'collect'>) {
    super({
      ...configuration,
      collect: () => {
        this.reset();
        // Without labels `reset` leaves a 0, which nobody told.
        if (configuration.labelNames?.length === 0) this.remove();
        for (const [labels, value] of this.rows?.() ?? []) this.set(labels, value);
      },
    });
  }
}

/** A counter that others keep; it begins anew with the process, as they do. */
export class CollectedCounter<Label extends string> extends Counter<Label> {
  rows: Rows<Label> | undefined;

  constructor(configuration: Omit<CounterConfiguration<Label>, 'collect'>) {
    super({
      ...configuration,
      collect: () => {
        this.reset();
        for (const [labels, value] of this.rows?.() ?? []) this.inc(labels, value);
      },
    });
  }
}
