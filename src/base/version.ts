/** The version of this build; `test/house` holds it against package.json. */
export const version = '0.1.0';
