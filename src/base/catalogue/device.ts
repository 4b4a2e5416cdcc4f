import type { Codes } from './entry.ts';

/** Codes of border firewalls: drivers, workers, plans. */
export const deviceCodes = {
  DEVICE_UNREACHABLE: {
    blame: 'transient',
    what: 'The firewall, or the program that reaches it, did not answer.',
    now: 'What it holds stays as it was confirmed last; the worker tries again with growing pauses.',
    fix: 'Check the address, the transport and the rights; `sallyport plan` shows the same error at once.',
  },
  INTERNAL: {
    blame: 'bug',
    what: 'Sallyport met a state that its authors held impossible.',
    now: 'The work under way stops; nothing more is written for it.',
    fix: 'Please report it with the printed text.',
  },
} as const satisfies Codes;
