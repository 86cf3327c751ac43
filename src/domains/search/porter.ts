// Porter's stemmer as M. F. Porter published it (Program 14, 1980), for lower-case words of a to z. Words come from a
// cache of surfaces, so each distinct word is stemmed once: clarity over speed.

const consonant = "[^aeiou](?:[^aeiouy]*)";
const vowel = "[aeiouy](?:[aeiou]*)";
const measureAbove0 = new RegExp(`^(?:${consonant})?${vowel}${consonant}`);
const measureIs1 = new RegExp(`^(?:${consonant})?${vowel}${consonant}(?:${vowel})?$`);
const measureAbove1 = new RegExp(`^(?:${consonant})?${vowel}${consonant}${vowel}${consonant}`);
const hasVowel = new RegExp(`^(?:${consonant})?[aeiouy]`);
const endsShort = new RegExp(`^${consonant}[aeiouy][^aeiouwxy]$`);

const step2: Readonly<Record<string, string>> = {
  ational: "ate",
  tional: "tion",
  enci: "ence",
  anci: "ance",
  izer: "ize",
  bli: "ble",
  alli: "al",
  entli: "ent",
  eli: "e",
  ousli: "ous",
  ization: "ize",
  ation: "ate",
  ator: "ate",
  alism: "al",
  iveness: "ive",
  fulness: "ful",
  ousness: "ous",
  aliti: "al",
  iviti: "ive",
  biliti: "ble",
  logi: "log",
};
const step2Ending =
  /(ational|tional|enci|anci|izer|bli|alli|entli|eli|ousli|ization|ation|ator|alism|iveness|fulness|ousness|aliti|iviti|biliti|logi)$/;

const step3: Readonly<Record<string, string>> = {
  icate: "ic",
  ative: "",
  alize: "al",
  iciti: "ic",
  ical: "ic",
  ful: "",
  ness: "",
};
const step3Ending = /(icate|ative|alize|iciti|ical|ful|ness)$/;
const step4Ending =
  /(al|ance|ence|er|ic|able|ible|ant|ement|ment|ent|ou|ism|ate|iti|ous|ive|ize|(?<=[st])ion)$/;

function plural(word: string): string {
  if (!word.endsWith("s") || word.endsWith("ss")) return word;
  if (word.endsWith("sses") || word.endsWith("ies")) return word.slice(0, -2);
  return word.slice(0, -1);
}

function pastAndGerund(word: string): string {
  if (word.endsWith("eed")) return measureAbove0.test(word.slice(0, -3)) ? word.slice(0, -1) : word;
  const cut = word.endsWith("ed") ? 2 : word.endsWith("ing") ? 3 : 0;
  const stem = word.slice(0, word.length - cut);
  if (cut === 0 || !hasVowel.test(stem)) return word;
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (/([^aeiouylsz])\1$/.test(stem)) return stem.slice(0, -1);
  return endsShort.test(stem) ? `${stem}e` : stem;
}

function replaceEnding(word: string, ending: RegExp, by: Readonly<Record<string, string>>): string {
  const found = ending.exec(word);
  if (!found) return word;
  const stem = word.slice(0, found.index);
  return measureAbove0.test(stem) ? stem + (by[found[0]] ?? "") : word;
}

function withoutEnding(word: string): string {
  const found = step4Ending.exec(word);
  if (!found) return word;
  const stem = word.slice(0, found.index);
  return measureAbove1.test(stem) ? stem : word;
}

function withoutFinalE(word: string): string {
  let result = word;
  if (result.endsWith("e")) {
    const stem = result.slice(0, -1);
    if (measureAbove1.test(stem) || (measureIs1.test(stem) && !endsShort.test(stem))) result = stem;
  }
  return result.endsWith("ll") && measureAbove1.test(result) ? result.slice(0, -1) : result;
}

/** The word's stem. A leading y counts as a consonant. */
export function stem(given: string): string {
  if (given.length < 3) return given;
  const startsWithY = given.startsWith("y");
  let word = startsWithY ? `Y${given.slice(1)}` : given;
  word = pastAndGerund(plural(word));
  if (word.endsWith("y") && hasVowel.test(word.slice(0, -1))) word = `${word.slice(0, -1)}i`;
  word = replaceEnding(word, step2Ending, step2);
  word = replaceEnding(word, step3Ending, step3);
  word = withoutFinalE(withoutEnding(word));
  return startsWithY ? `y${word.slice(1)}` : word;
}
