/** A line of a story speaks of something that is not there, or asks for what cannot be. */
export class Nonsense extends Error {
  override readonly name = 'Nonsense';
}
