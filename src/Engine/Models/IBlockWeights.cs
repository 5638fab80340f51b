namespace ContinualService.Engine.Models;

/// <summary>Where a block's weights come from when it is run.</summary>
internal interface IBlockWeights
{
    /// <summary>For one run. What is made for it belongs to the caller's dispose scope.</summary>
    DecoderBlock ForRun();
}
