import { SallyportError } from '../../base/error.ts';
import type { TableId } from './rows.ts';
import { FEED } from './words.ts';

/** An entry that is not ours has the name of one that is to be. */
export function takenByOthers(table: TableId, name: string): SallyportError {
  return taken(
    `${table} "${name}" has a name that ours needs, and does not bear our mark: somebody made it, or took the mark out of its comment. Delete or rename it there`,
  );
}

/** A list that the device fetches would be empty until it is filled. */
export function takenByFetched(name: string): SallyportError {
  return taken(
    `${FEED} "${name}" is fetched by the device, and would be empty until it is filled, so that \`adopt\` does not take it over; give the AddressGroup another name`,
  );
}

export function takenByOtherForm(table: TableId, name: string): SallyportError {
  return taken(
    `${table} "${name}" is ours in another form, and rules of others name it; take it out of them, and it is made anew in its place`,
  );
}

function taken(message: string): SallyportError {
  return new SallyportError('NAME_TAKEN', message);
}
