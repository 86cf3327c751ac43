/** Words that a question has and an answer need not: left out of the ranking while other words remain. */
export const stopWords: ReadonlySet<string> = new Set(
  `a about after again all also am an and any are as at be because been before being between both but by can could did
  do does doing done dont for from had has have having he her here hers him his how i if in into is isnt it its itself
  just like me more most my no nor not now of off on once only or other our out over own same she should so some such
  than that the their theirs them then there these they this those through to too under until up us very was we were
  what when where which while who whom why will with would you your yours
  im ive ill id youre theyre hes shes whats wheres whos thats lets didnt doesnt wasnt werent cant wont
  tell please anyone someone`.split(/\s+/),
);
