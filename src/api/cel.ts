/** A check that the API server makes by itself, in the Common Expression Language. `readResource` checks the same. */
export interface CelRule {
  /** True for what is right; `self` is the value that the rule stands at. */
  readonly rule: string;
  readonly message: string;
}

/** The member of a JSON schema in which an API server looks for its checks. */
export const CEL_RULES = 'x-kubernetes-validations';

/** For `.meta()` of a schema: what the API server checks where this schema stands. */
export function cel(...rules: readonly CelRule[]): Readonly<Record<string, unknown>> {
  return { [CEL_RULES]: rules };
}

/** Exactly one of these fields is there. */
export function celExactlyOne(...fields: readonly string[]): CelRule {
  return {
    rule: `[${fields.map((field) => `has(self.${field})`).join(', ')}].exists_one(given, given)`,
    message: `exactly one of ${fields.join(', ')} has to be given`,
  };
}
