using ContinualService.Engine.Evaluation;
using Xunit;

namespace ContinualService.Engine.Tests.Evaluation;

public sealed class PorterStemmerTests
{
    // word=stem; the words visit every rule of the paper and every departure of NLTK 3.8, whose output these stems are.
    private const string Golden =
        """
        activate=activ adjustable=adjust adjustment=adjust adoption=adopt aed=a agreed=agre airliner=airlin allowance=allow
        ally=alli analogousli=analog angulariti=angular ate=ate ating=ate ative=ativ awed=awe biology=biolog bled=bled bly=bli
        bowdlerize=bowdler by=by callousness=callous canning=canning cannings=canning carefully=care caresses=caress cats=cat
        cease=ceas communism=commun conditional=condit conflated=conflat conformabli=conform controll=control cried=cri
        decisiveness=decis defensible=defens dependent=depend died=die dies=die differentli=differ digitizer=digit dying=die
        eating=eat ed=ed eed=eed effective=effect electrical=electr electriciti=electr elli=elli enjoy=enjoy exceed=exceed
        failing=fail falling=fall feed=feed feudalism=feudal filing=file fizzed=fizz flies=fli formaliti=formal formalize=formal
        formative=form fully=fulli generalizations=gener geology=geolog goodness=good gyroscopic=gyroscop happy=happi
        hesitanci=hesit hissing=hiss homologou=homolog homologous=homolog hopeful=hope hopefully=hope hopefulness=hope
        hopping=hop howe=howe iced=ice ied=i ies=i inference=infer ing=ing inning=inning innings=inning ion=ion ions=ion
        irritant=irrit lli=lli logi=logi lying=lie motoring=motor need=need news=news operator=oper oscillators=oscil
        outing=outing outings=outing ow=ow owed=owe owing=owe plastered=plaster played=play ponies=poni possibly=possibl
        predication=predic probably=probabl probate=probat proceed=proceed radicalli=radic rate=rate rational=ration
        relational=relat replacement=replac revival=reviv roll=roll s=s say=say saying=say seed=seed sensibiliti=sensibl
        sensitiviti=sensit sing=sing sized=size skies=sky skillfully=skill sky=sky spy=spi ss=ss succeed=succeed tanned=tan
        theology=theolog tied=tie ties=tie totally=total toy=toy triplicate=triplic troubled=troubl trying=tri tying=tie
        used=use using=use valenci=valenc vietnamization=vietnam vileli=vile y=y yes=ye yy=yy yying=yy
        relationally=relat educationally=educ operationally=oper
        """;

    [Fact]
    public void Stem_EveryRule_EqualsTheReference()
    {
        foreach (var pair in Golden.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var (word, stem) = (pair.Split('=')[0], pair.Split('=')[1]);
            Assert.Equal((word, stem), (word, PorterStemmer.Stem(word)));
        }
    }
}
