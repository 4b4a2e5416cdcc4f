/** What a server sent cannot be understood; nobody knows what else of it is wrong. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable';
}
