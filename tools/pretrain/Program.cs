using ContinualService.Pretrain.Corpus;

var generator = new CorpusGenerator(1);
for (var i = 0; i < 60; i++)
{
    var document = generator.Next();
    Console.WriteLine("---- " + document.Text);
    foreach (var turn in document.Turns) Console.WriteLine($"<{turn.Role}> {turn.Content}");
}

return 0;
