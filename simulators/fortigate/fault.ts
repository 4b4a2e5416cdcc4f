/**
 * A refusal by the configuration database: `error` in the answer's body, with the text of the command line. Most come with HTTP 500
 * (reference 1.4, 1.5).
 */
export class CmdbFault extends Error {
  override readonly name = 'CmdbFault';
  readonly error: number;
  readonly http: number;

  constructor(error: number, cliError: string, http = 500) {
    super(cliError);
    this.error = error;
    this.http = http;
  }
}

/** The codes that are used here, by what they mean (reference 1.5). */
export const code = {
  valueLength: -1,
  notFound: -3,
  tableFull: -4,
  duplicate: -5,
  conflictsWithSettings: -7,
  invalidAddress: -8,
  invalidNetmask: -9,
  permissionDenied: -14,
  duplicateName: -15,
  inUse: -23,
  invalidFormat: -50,
  emptyValue: -56,
  inputNotExpected: -61,
  fieldTooLong: -72,
  endBeforeStart: -73,
  poolRangeTooLarge: -139,
  poolOverlaps: -156,
  serviceAndGroup: -162,
  addressAndGroup: -163,
  addressAndVip: -164,
  refusedCharacters: -173,
  poolInUse: -176,
  moveAcrossInterfaces: -177,
  invalidAddress6: -254,
  invalidPortRange: -363,
  reservedName: -515,
  vdomLimit: -580,
  outOfRange: -650,
  invalidValue: -651,
  badAction: -1001,
  requestMissing: -10_001,
  badRequest: -10_002,
} as const;

/** What the command line says beside a code. */
export const returnCode = (error: number, text: string): string => `${text}\nCommand fail. Return code ${error}\n`;
